"""Every feature of the platform: what it means, how it is computed, which way it may move the default probability.

Spark, DuckDB and the API read the same definitions. Importing this imports no engine.
"""

import hashlib
import json
from functools import cache

from features import basket, shopper
from features.feature import Feature

__all__ = [
    "LAKE_FEATURES",
    "LAKE_MEASURES",
    "MODEL_FEATURES",
    "REQUEST_FEATURES",
    "Feature",
    "feature",
    "feature_set_digest",
]

LAKE_MEASURES: dict[str, str] = shopper.MEASURES
LAKE_FEATURES: tuple[Feature, ...] = shopper.LAKE
REQUEST_FEATURES: tuple[Feature, ...] = basket.REQUEST
MODEL_FEATURES: tuple[str, ...] = tuple(feature.name for feature in LAKE_FEATURES + REQUEST_FEATURES)
"""Names of the model's inputs in the order the model reads them."""


def feature(name: str) -> Feature:
    """The feature of that name; KeyError when there is none."""
    return _by_name()[name]


@cache
def feature_set_digest() -> str:
    """Identity of the whole set, as hex: any change of a definition gives another, the process that asks does not.

    A vector carries it, and nothing reads a vector of another set.
    """
    definitions = {
        "measures": LAKE_MEASURES,
        "features": [
            [each.name, each.sql, each.version, each.unit, each.monotone] for each in LAKE_FEATURES + REQUEST_FEATURES
        ],
    }
    canonical = json.dumps(definitions, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


@cache
def _by_name() -> dict[str, Feature]:
    return {each.name: each for each in LAKE_FEATURES + REQUEST_FEATURES}
