"""Scores become probabilities through a line that is really the likeliest one."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models import calibration
from models.calibration import CalibrationFault


def some_scores(slope: float, intercept: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    scores = random.normal(-1, 1.5, count)
    return scores, random.random(count) < 1 / (1 + np.exp(-(slope * scores + intercept)))


def test_the_line_is_the_one_an_unpenalised_logistic_regression_finds() -> None:
    scores, bad = some_scores(0.7, -0.4)
    theirs = LogisticRegression(C=math.inf, tol=1e-10).fit(scores[:, None], bad)
    ours = calibration.fit_line(scores, bad.astype(float))
    assert ours.slope == pytest.approx(theirs.coef_[0, 0], abs=1e-5)
    assert ours.intercept == pytest.approx(theirs.intercept_[0], abs=1e-5)


def test_the_true_line_lies_within_two_standard_errors() -> None:
    line = calibration.fit_line(*((scores, bad.astype(float)) for scores, bad in [some_scores(0.7, -0.4)]).__next__())
    assert abs(line.slope - 0.7) < 2 * line.slope_error
    assert 0.02 < line.slope_error < 0.06


def test_separable_scores_have_no_finite_line_but_platts_targets_keep_it_finite() -> None:
    scores, bad = np.array([-2.0, -1.0, 1.0, 2.0] * 10), np.array([False, False, True, True] * 10)
    assert calibration.fit_line(scores, bad.astype(float)).slope == math.inf
    assert 0 < calibration.platt(scores, bad).slope < math.inf


def test_scores_that_order_nothing_are_refused() -> None:
    scores, bad = some_scores(-1.0, 0.0)
    with pytest.raises(CalibrationFault, match="do not order"):
        calibration.platt(scores, bad)


def test_every_row_is_scored_by_a_model_that_did_not_see_it() -> None:
    rows = np.arange(40, dtype=float)[:, None]
    bad = np.arange(40) % 4 == 0

    def seen_or_not(seen: np.ndarray, _labels: np.ndarray, unseen: np.ndarray) -> np.ndarray:
        assert not set(seen.ravel()) & set(unseen.ravel())
        assert len(seen) + len(unseen) == 40
        return unseen.ravel()

    scores, labels = calibration.out_of_fold(rows, bad, seen_or_not, repeats=3)

    assert scores.tolist() == rows.ravel().tolist() * 3
    assert labels.tolist() == bad.tolist() * 3


def test_one_loan_of_a_kind_is_too_few_to_calibrate_on() -> None:
    with pytest.raises(CalibrationFault, match="two loans of each kind"):
        calibration.out_of_fold(np.zeros((9, 1)), np.arange(9) == 0, lambda *_: np.zeros(1))
