"""Limits of age: a value that is older than its feature's limit is unknown and is reported as stale.

The rule is the same where the lake builds a row and where a decision reads it: the age is that of the newest event of
the feature's source at the moment of reading; an age equal to the limit is fresh. A value never seen is not stale.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from features.feature import Feature
from features.vector import FeatureVector


@dataclass(frozen=True, slots=True)
class Limit:
    """The greatest age of a feature's newest event, for each of `sources`; for all together if none is named."""

    after: timedelta
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fresh:
    """A vector's values at a moment: None where unknown or stale, and the names of those that are stale."""

    values: Mapping[str, float | None]
    stale: tuple[str, ...]


def limits_of(features: Iterable[Feature], sources: Mapping[str, tuple[str, ...]]) -> dict[str, Limit]:
    """The limits that the catalogue declares, by feature; a feature without one never becomes stale.

    `sources` names the sources to which each feature's limit applies.
    """
    return {
        each.name: Limit(timedelta(days=each.stale_after), sources[each.name])
        for each in features
        if each.stale_after is not None
    }


def fresh_at(vector: FeatureVector, at: datetime, limits: Mapping[str, Limit]) -> Fresh:
    """The vector's values at the moment, with stale ones as unknown."""
    stale = tuple(name for name in vector.values if name in limits and _is_stale(vector, at, limits[name]))
    return Fresh({name: None if name in stale else value for name, value in vector.values.items()}, stale)


def _is_stale(vector: FeatureVector, at: datetime, limit: Limit) -> bool:
    ages = [vector.age(at, source) for source in limit.sources or (None,)]
    return any(age is not None and age > limit.after for age in ages)
