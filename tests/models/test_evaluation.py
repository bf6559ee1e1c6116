"""Figures agree with what an independent computation finds."""

import numpy as np
import pytest
from sklearn import metrics

from models import evaluation


def some_judged(
    loans: int = 117, bads: int = 16, *, seed: int = 6, rounded: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    bad = np.zeros(loans, dtype=bool)
    bad[random.choice(loans, bads, replace=False)] = True
    log_odds = random.normal(-2, 1, loans) + 1.5 * bad
    return (np.round(log_odds) if rounded else log_odds), bad


@pytest.mark.parametrize("rounded", [False, True], ids=["all scores differ", "many ties"])
def test_auc_is_the_share_of_pairs_in_the_right_order(rounded: bool) -> None:
    scores, bad = some_judged(rounded=rounded)
    pairs = [(one > other) + 0.5 * (one == other) for one in scores[bad] for other in scores[~bad]]
    assert evaluation.area_under_curve(scores, bad).value == pytest.approx(np.mean(pairs), abs=1e-12)
    assert evaluation.area_under_curve(scores, bad).value == pytest.approx(
        metrics.roc_auc_score(bad, scores), abs=1e-12
    )


@pytest.mark.parametrize("seed", range(4))
def test_delongs_interval_is_about_the_bootstraps(seed: int) -> None:
    scores, bad = some_judged(400, 80, seed=seed)
    figure = evaluation.area_under_curve(scores, bad)
    drawn = [evaluation.area_under_curve(*sample).value for sample in evaluation._resample(scores, bad, seed)]
    assert figure.low == pytest.approx(np.quantile(drawn, 0.025), abs=0.015)
    assert figure.high == pytest.approx(np.quantile(drawn, 0.975), abs=0.015)


def test_delongs_interval_holds_the_truth_about_95_times_in_100() -> None:
    truth = 0.8555  # of two normal scores 1.5 deviations apart: Phi(1.5 / sqrt(2))
    held = 0
    for seed in range(300):
        figure = evaluation.area_under_curve(*some_judged(150, 30, seed=seed))
        held += figure.low <= truth <= figure.high
    assert 0.91 <= held / 300 <= 0.99


def test_perfect_order_is_one_and_never_leaves_the_unit_interval() -> None:
    scores, bad = np.array([-1.0, 0.0, 1.0, 2.0]), np.array([False, False, True, True])
    assert evaluation.area_under_curve(scores, bad) == evaluation.Figure(1.0, 1.0, 1.0)
    for seed in range(30):
        figure = evaluation.area_under_curve(*some_judged(40, 3, seed=seed))
        assert 0 <= figure.low <= figure.value <= figure.high <= 1


def test_brier_and_the_curve_are_those_of_scikit_learn() -> None:
    scores, bad = some_judged(rounded=True)
    risk = evaluation.probabilities(scores)
    assert evaluation.brier(risk, bad) == pytest.approx(metrics.brier_score_loss(bad, risk))
    goods, bads, _ = metrics.roc_curve(bad, scores, drop_intermediate=False)
    assert np.allclose(evaluation.roc(scores, bad), np.column_stack([goods, bads]))
    assert evaluation.kolmogorov_smirnov(scores, bad) == pytest.approx((bads - goods).max())


def test_the_area_below_the_drawn_curve_is_the_reported_area() -> None:
    judged = evaluation.evaluate(*some_judged())
    goods, bads = zip(*judged.roc, strict=True)
    assert np.trapezoid(bads, goods) == pytest.approx(judged.auc.value)
    assert judged.gini.value == pytest.approx(2 * judged.auc.value - 1)


def test_every_interval_holds_its_figure_and_is_the_same_each_time() -> None:
    judged, again = (evaluation.evaluate(*some_judged()) for _ in range(2))
    assert judged == again
    for figure in (judged.auc, judged.gini, judged.ks, judged.brier, judged.calibration_slope):
        assert figure.low < figure.value < figure.high


def test_true_probabilities_have_slope_one() -> None:
    random = np.random.default_rng(9)
    log_odds = random.normal(-1.5, 1.2, 6_000)
    bad = random.random(6_000) < evaluation.probabilities(log_odds)
    judged = evaluation.evaluate(log_odds, bad)
    assert judged.calibration_slope.low < 1 < judged.calibration_slope.high
    assert judged.calibration_intercept == pytest.approx(0, abs=0.1)
    assert len(judged.reliability) == 10
    assert all(each.low <= each.expected <= each.high for each in judged.reliability[1:-1])


@pytest.mark.parametrize(("loans", "bins"), [(15, 1), (117, 5), (5000, 10)])
def test_reliability_has_as_many_bins_as_the_loans_can_fill_and_loses_none(loans: int, bins: int) -> None:
    scores, bad = some_judged(loans, loans // 7)
    drawn = evaluation.reliability(evaluation.probabilities(scores), bad)
    assert len(drawn) == bins
    assert sum(each.loans for each in drawn) == loans
    assert sum(each.observed * each.loans for each in drawn) == pytest.approx(bad.sum())
    assert [each.expected for each in drawn] == sorted(each.expected for each in drawn)
