"""The baseline for the champion: a points scorecard, which is a logistic regression on binned values.

Every feature is cut at quantiles of the training rows, and unknown values have a bin of their own. The sum is scaled to
the points that lenders use.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

FloatArray = NDArray[np.float64]

# 600 points mean odds of 50 good loans to one bad; 20 more points double the odds.
ANCHOR_POINTS, ANCHOR_ODDS, POINTS_TO_DOUBLE = 600, 50, 20


@dataclass(frozen=True, slots=True, eq=False)
class Scorecard:
    """`weights[i][j]` is what bin j of feature i adds to the log-odds of default; the last bin is for unknowns."""

    edges: tuple[FloatArray, ...]
    weights: tuple[FloatArray, ...]
    intercept: float

    def log_odds(self, rows: FloatArray) -> FloatArray:
        """Log-odds of default of shape (n,), for `rows` of shape (n, features)."""
        bins = _bins(rows, self.edges)
        return self.intercept + sum(
            (own[bins[:, feature]] for feature, own in enumerate(self.weights)), start=np.zeros(len(rows))
        )

    def points(self, rows: FloatArray) -> NDArray[np.int64]:
        """Whole points as lenders print them; more is safer."""
        per_log_odds = POINTS_TO_DOUBLE / math.log(2)
        return np.rint(ANCHOR_POINTS - per_log_odds * (self.log_odds(rows) + math.log(ANCHOR_ODDS))).astype(np.int64)


def fit_scorecard(
    rows: FloatArray, bad: NDArray[np.bool_], *, bins: int | None = None, strength: float = 0.1
) -> Scorecard:
    """Fit a scorecard with `bins` quantile bins per column; a smaller `strength` shrinks the weights more.

    By default one bin per ten bad loans, from 3 to 10: with more, defaults are too few to tell bins apart.
    """
    bins = min(10, max(3, int(bad.sum()) // 10)) if bins is None else bins
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = tuple(np.unique(np.quantile(known, inner)) if len(known) else np.empty(0) for known in _known(rows))
    binned = _bins(rows, edges)
    one_hot = np.concatenate([np.eye(len(own) + 2)[binned[:, feature]] for feature, own in enumerate(edges)], axis=1)
    fitted = LogisticRegression(C=strength, max_iter=1000).fit(one_hot, bad)
    starts = np.cumsum([len(own) + 2 for own in edges])[:-1]
    return Scorecard(edges, tuple(np.split(fitted.coef_[0], starts)), float(fitted.intercept_[0]))


def _known(rows: FloatArray) -> list[FloatArray]:
    return [column[np.isfinite(column)] for column in rows.T]


def _bins(rows: FloatArray, edges: tuple[FloatArray, ...]) -> NDArray[np.intp]:
    placed = [
        np.where(np.isnan(column), len(own) + 1, np.searchsorted(own, column, side="right"))
        for column, own in zip(rows.T, edges, strict=True)
    ]
    return np.stack(placed, axis=1)
