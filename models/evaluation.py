"""Measures how well probabilities rank loans and how well they are calibrated, each figure with its 95 % interval.

With a few dozen defaults the intervals are wide and differences within them mean nothing, so each figure has one.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from models import calibration

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

Z95 = NormalDist().inv_cdf(0.975)
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and the 95 % interval around it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """A group of loans of similar probability: expected and observed default rates, with Wilson's interval."""

    loans: int
    expected: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures for one set of loans; `roc` has (share of goods refused, share of bads refused), cut-off falling."""

    loans: int
    bads: int
    auc: Figure
    gini: Figure
    ks: Figure
    brier: Figure
    calibration_slope: Figure
    calibration_intercept: float
    roc: tuple[tuple[float, float], ...]
    reliability: tuple[Bin, ...]


def evaluate(log_odds: FloatArray, bad: BoolArray, *, seed: int = 7) -> Evaluation:
    """Evaluate calibrated log-odds against outcomes, both of shape (n,); `seed` draws two bootstrap intervals."""
    auc = area_under_curve(log_odds, bad)
    risk = probabilities(log_odds)
    resampled = _resample(log_odds, bad, seed)
    line = calibration.fit_line(log_odds, bad.astype(np.float64))
    spread = Z95 * line.slope_error
    return Evaluation(
        loans=len(bad),
        bads=int(bad.sum()),
        auc=auc,
        gini=Figure(2 * auc.value - 1, 2 * auc.low - 1, 2 * auc.high - 1),
        ks=_around(kolmogorov_smirnov(log_odds, bad), [kolmogorov_smirnov(*drawn) for drawn in resampled]),
        brier=_around(brier(risk, bad), [brier(probabilities(drawn), labels) for drawn, labels in resampled]),
        calibration_slope=Figure(line.slope, line.slope - spread, line.slope + spread),
        calibration_intercept=line.intercept,
        roc=roc(log_odds, bad),
        reliability=reliability(risk, bad),
    )


def probabilities(log_odds: FloatArray) -> FloatArray:
    """Probabilities of default from log-odds."""
    risk: FloatArray = 1.0 / (1.0 + np.exp(-log_odds))
    return risk


def area_under_curve(scores: FloatArray, bad: BoolArray) -> Figure:
    """AUC, where a tie counts half, with DeLong's interval on the logit scale, which keeps it within 0..1."""
    bads, goods = scores[bad], scores[~bad]
    above_good = _share_below(bads, goods)  # per bad: share of goods with a lower score
    below_bad = 1 - _share_below(goods, bads)  # per good: share of bads with a lower score
    auc = float(above_good.mean())
    variance = _variance(above_good) / len(bads) + _variance(below_bad) / len(goods)
    if not 0 < auc < 1:
        return Figure(auc, auc, auc)
    spread = Z95 * math.sqrt(variance) / (auc * (1 - auc))
    middle = math.log(auc / (1 - auc))
    return Figure(auc, _logistic(middle - spread), _logistic(middle + spread))


def _share_below(scores: FloatArray, others: FloatArray) -> FloatArray:
    ordered = np.sort(others)
    below, up_to = np.searchsorted(ordered, scores, "left"), np.searchsorted(ordered, scores, "right")
    share: FloatArray = (below + up_to) / (2 * len(others))
    return share


def _variance(values: FloatArray) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def kolmogorov_smirnov(scores: FloatArray, bad: BoolArray) -> float:
    """The largest difference between the shares of bads and of goods refused by one cut-off."""
    return max(bads - goods for goods, bads in roc(scores, bad))


def brier(risk: FloatArray, bad: BoolArray) -> float:
    """The mean squared difference between probability and outcome."""
    return float(np.mean((risk - bad) ** 2))


def roc(scores: FloatArray, bad: BoolArray) -> tuple[tuple[float, float], ...]:
    """Points from (0, 0) to (1, 1): shares of goods and of bads at or above each score; equal scores share a point."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    bads = np.cumsum(bad[order])[ends] / bad.sum()
    goods = np.cumsum(~bad[order])[ends] / (~bad).sum()
    return ((0.0, 0.0), *zip(goods.tolist(), bads.tolist(), strict=True))


def reliability(risk: FloatArray, bad: BoolArray, *, fewest_per_bin: int = 20, most_bins: int = 10) -> tuple[Bin, ...]:
    """Loans ordered by probability in up to `most_bins` bins of about equal size, at least `fewest_per_bin` each."""
    order = np.argsort(risk, kind="stable")
    parts = np.array_split(order, max(1, min(most_bins, len(order) // fewest_per_bin)))
    return tuple(_bin(risk[part], bad[part]) for part in parts)


def _bin(risk: FloatArray, bad: BoolArray) -> Bin:
    loans, observed = len(bad), float(bad.mean())
    squared = Z95**2
    middle = (observed + squared / (2 * loans)) / (1 + squared / loans)
    reach = Z95 * math.sqrt(observed * (1 - observed) / loans + squared / (4 * loans**2)) / (1 + squared / loans)
    return Bin(loans, float(risk.mean()), observed, max(0.0, middle - reach), min(1.0, middle + reach))


def _resample(scores: FloatArray, bad: BoolArray, seed: int) -> list[tuple[FloatArray, BoolArray]]:
    """Draw bads and goods separately with replacement, so that no resample lacks either kind."""
    random = np.random.default_rng(seed)
    bads, goods = scores[bad], scores[~bad]
    labels = np.repeat([True, False], [len(bads), len(goods)])
    return [
        (np.concatenate([random.choice(bads, len(bads)), random.choice(goods, len(goods))]), labels)
        for _ in range(RESAMPLES)
    ]


def _around(value: float, resampled: list[float]) -> Figure:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Figure(value, float(low), float(high))
