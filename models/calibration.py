"""Calibrates scores to probabilities: Platt's logistic line through out-of-fold scores, so no loan is held back."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from terminal.fault import Fault

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
FitAndScore = Callable[[FloatArray, BoolArray, FloatArray], FloatArray]

MOST_STEPS = 100


class CalibrationFault(Fault):
    """No line with a positive slope leads from scores to probabilities."""


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """Log-odds of default as `slope * score + intercept`; `slope_error` is the standard error of the slope."""

    slope: float
    intercept: float
    slope_error: float = math.nan

    def applied(self, scores: FloatArray) -> FloatArray:
        """Calibrated log-odds."""
        return self.slope * scores + self.intercept


def out_of_fold(
    rows: FloatArray, bad: BoolArray, fit_and_score: FitAndScore, *, folds: int = 5, repeats: int = 5, seed: int = 7
) -> tuple[FloatArray, BoolArray]:
    """Score every row by models trained without it, `repeats` times; uses fewer folds when there are fewer bads.

    Returns the scores and their labels, both of shape (rows * repeats,).
    """
    rarest = int(min(bad.sum(), (~bad).sum()))
    if rarest < 2:
        raise CalibrationFault(f"calibration needs two loans of each kind, the rarer kind has {rarest}")
    scores = np.empty((repeats, len(rows)))
    for repeat in range(repeats):
        parts = StratifiedKFold(min(folds, rarest), shuffle=True, random_state=seed + repeat)
        for seen, unseen in parts.split(rows, bad):
            scores[repeat, unseen] = fit_and_score(rows[seen], bad[seen], rows[unseen])
    return scores.ravel(), np.tile(bad, repeats)


def platt(scores: FloatArray, bad: BoolArray) -> CalibrationLine:
    """The line of maximum likelihood. Targets are moved slightly inward, as Platt did, so that it is always finite."""
    goods, bads = int((~bad).sum()), int(bad.sum())
    line = fit_line(scores, np.where(bad, (bads + 1) / (bads + 2), 1 / (goods + 2)))
    if not line.slope > 0:
        raise CalibrationFault(
            f"out-of-fold scores do not order the loans (slope {line.slope:.3f}); the model learnt nothing"
        )
    return line


def fit_line(scores: FloatArray, target: FloatArray) -> CalibrationLine:
    """Logistic regression of one score by Newton's method, without penalty.

    `target` lies in 0..1. Where the classes separate no finite line exists: the slope is then infinite.
    """
    design = np.column_stack([scores, np.ones_like(scores)])
    weights = np.zeros(2)
    for _ in range(MOST_STEPS):
        expected = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -500, 500)))
        information = design.T @ (design * (expected * (1 - expected))[:, None])
        if np.linalg.cond(information) > 1e12:
            return CalibrationLine(math.inf, math.nan)
        step = np.linalg.solve(information, design.T @ (target - expected))
        weights = weights + step
        if np.abs(step).max() < 1e-10:
            error = math.sqrt(float(np.linalg.inv(information)[0, 0]))
            return CalibrationLine(float(weights[0]), float(weights[1]), error)
    return CalibrationLine(math.inf, math.nan)
