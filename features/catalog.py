"""Every feature of the platform: what it means, how it is computed, which way it may move the default probability.

Spark, DuckDB and the API read the same definitions. Importing this imports no engine.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import cache

from features import bank, basket, cash_flow, exposure, merchant, repayment, shopper, velocity
from features.feature import Feature
from features.measure import Measure
from features.source import FeatureSource

__all__ = [
    "APPLICANT",
    "FEATURE_SETS",
    "LAKE_FEATURES",
    "MERCHANT",
    "MODEL_FEATURES",
    "REQUEST_FEATURES",
    "Feature",
    "FeatureSet",
    "feature",
    "feature_set_digest",
]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSet:
    """The content of one vector: the features of an entity and the sources they are computed from.

    `keys` are the columns of a moment that name the entity; the first is the vector's identity. `request` features are
    computed when an order comes, from the lake's features; they are part of the set but not of the lake's table.
    """

    entity: str
    keys: tuple[str, ...]
    sources: tuple[FeatureSource, ...]
    lake: tuple[Feature, ...]
    request: tuple[Feature, ...] = ()

    @property
    def table(self) -> str:
        return f"features.{self.entity}"

    @property
    def measures(self) -> Mapping[str, Measure]:
        """Every measure by name; no two sources share one."""
        return {name: measure for source in self.sources for name, measure in source.measures.items()}

    def aged_by(self, feature: Feature) -> tuple[str, ...]:
        """The sources whose lack of new events makes the feature stale: those it reads that are not complete.

        >>> APPLICANT.aged_by(feature("balance_last")), APPLICANT.aged_by(feature("plans_ever"))
        (('bank_transactions',), ())
        """
        read = set(re.findall(r"[a-z_0-9]+", feature.sql))
        return tuple(each.name for each in self.sources if not each.complete and read & set(each.measures))

    def digest(self) -> str:
        """Identity of the set, as hex: it changes with any definition and is the same in every process."""
        definitions = {
            "sources": [
                [each.name, each.table, each.key, each.order, each.complete, each.currency,
                 {name: astuple(measure) for name, measure in each.measures.items()}]
                for each in self.sources
            ],
            "features": [
                [each.name, each.sql, each.version, each.unit, each.monotone, each.stale_after]
                for each in self.lake + self.request
            ],
        }  # fmt: skip
        canonical = json.dumps(definitions, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


APPLICANT = FeatureSet(
    entity="applicant",
    keys=("account_id", "shopper_id"),
    sources=(
        bank.BANK_TRANSACTIONS,
        velocity.APPLICATIONS,
        velocity.ORDERS,
        velocity.REFUNDS,
        repayment.PLANS,
        repayment.INSTALMENTS,
        repayment.ATTEMPTS,
        repayment.REPAYMENTS,
    ),
    lake=shopper.LAKE + cash_flow.FEATURES + velocity.FEATURES + repayment.FEATURES + exposure.FEATURES,
    request=basket.REQUEST,
)
MERCHANT = FeatureSet(
    entity="merchant",
    keys=("merchant_id",),
    sources=(merchant.SALES, merchant.TAKEN_BACK),
    lake=merchant.FEATURES,
)
FEATURE_SETS: Mapping[str, FeatureSet] = {each.entity: each for each in (APPLICANT, MERCHANT)}

LAKE_FEATURES: tuple[Feature, ...] = APPLICANT.lake
REQUEST_FEATURES: tuple[Feature, ...] = APPLICANT.request

MODEL_FEATURES: tuple[str, ...] = (
    "income_mean_180d",
    "income_variation_180d",
    "income_months_180d",
    "income_by_transfer_180d",
    "income_trend_90d",
    "balance_last",
    "balance_mean_90d",
    "balance_mean_180d",
    "balance_low_30d",
    "balance_low_90d",
    "balance_low_180d",
    "balance_low_ever",
    "balance_trend_90d",
    "balance_deviation_180d",
    "overdraft_events",
    "overdraft_days_180d",
    "penalty_interest_180d",
    "penalty_interest_ever",
    "spending_mean_180d",
    "spending_to_income_180d",
    "net_flow_mean_90d",
    "cash_share_180d",
    "card_share_180d",
    "household_mean_180d",
    "insurance_mean_180d",
    "obligations_mean_180d",
    "obligations_to_income_180d",
    "credit_obligations_mean_180d",
    "tenure_days",
    "data_age_days",
    "events_90d",
    "events_ever",
    "amount_minor",
    "duration_months",
    "instalment_minor",
    "amount_to_income",
    "instalment_to_income",
    "lowest_balance_to_instalment",
    "mean_balance_to_amount",
    "income_left_minor",
)
"""The model's inputs in the order the model reads them. The vector carries more: a feature is kept before a model asks.
"""


def feature(name: str) -> Feature:
    """The feature of that name; raises KeyError if there is none."""
    return _by_name()[name]


@cache
def feature_set_digest(entity: str = "applicant") -> str:
    """The digest of that entity's set. A vector carries it, and a reader accepts only vectors of its own set."""
    return FEATURE_SETS[entity].digest()


@cache
def _by_name() -> dict[str, Feature]:
    return {each.name: each for of in FEATURE_SETS.values() for each in of.lake + of.request}
