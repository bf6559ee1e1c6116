"""The points scorecard orders loans, and its points mean what lenders mean by them."""

import numpy as np
import pytest

from models import scorecard
from models.evaluation import area_under_curve


def some_loans(rows: int = 800) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(8)
    values = random.normal(0, 1, (rows, 3))
    bad = random.random(rows) < 1 / (1 + np.exp(1.5 + 1.5 * values[:, 0]))
    values[random.random(rows) < 0.1, 0] = np.nan
    return values, bad


def test_it_orders_loans_it_has_not_seen() -> None:
    rows, bad = some_loans()
    card = scorecard.fit_scorecard(rows[:400], bad[:400])
    assert area_under_curve(card.log_odds(rows[400:]), bad[400:]).value > 0.75


def test_all_values_of_a_bin_weigh_the_same_and_unknown_has_a_bin_of_its_own() -> None:
    rows, bad = some_loans()
    card = scorecard.fit_scorecard(rows, bad, bins=4)
    cuts = card.edges[0]
    inside = [[value, 0.0, 0.0] for value in (cuts[0], (cuts[0] + cuts[1]) / 2, np.nextafter(cuts[1], -9))]
    assert np.ptp(card.log_odds(np.array(inside))) == 0
    assert len(card.weights[0]) == 5
    unknown = card.log_odds(np.array([[np.nan, 0.0, 0.0]]))[0] - card.log_odds(np.array([[cuts[0], 0.0, 0.0]]))[0]
    assert unknown == pytest.approx(card.weights[0][-1] - card.weights[0][1])


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_values_beyond_all_seen_fall_into_the_outer_bins(value: float) -> None:
    rows, bad = some_loans()
    assert np.isfinite(scorecard.fit_scorecard(rows, bad).log_odds(np.full((1, 3), value))).all()


def test_twenty_points_double_the_odds_and_more_points_are_safer() -> None:
    card = scorecard.Scorecard((np.array([0.0]),), (np.array([0.0, np.log(2), 0.0]),), -np.log(50))
    assert card.points(np.array([[-1.0], [1.0]])).tolist() == [600, 580]


def test_a_column_that_never_varies_or_is_never_known_does_no_harm() -> None:
    rows, bad = some_loans()
    padded = np.column_stack([rows, np.ones(len(rows)), np.full(len(rows), np.nan)])
    assert np.isfinite(scorecard.fit_scorecard(padded, bad).log_odds(padded)).all()
