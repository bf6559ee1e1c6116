"""How likely an applicant is to default, on what evidence, and by which model."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lending.decision.order import Order


@dataclass(frozen=True, slots=True)
class Evidence:
    """The applicant's features as they were read for one decision.

    `as_of` is the moment they describe, `observed_until` the newest bank transaction in them, and
    `snapshot_ids` the lake snapshots they were computed from. A value of None is known to be unknown; the names in
    `stale` are those that had a value too old to count at the moment of reading.
    """

    entity_id: str
    feature_set_digest: str
    as_of: datetime
    observed_until: datetime | None
    values: Mapping[str, float | None]
    snapshot_ids: Mapping[str, int]
    stale: tuple[str, ...] = ()

    def age_days(self, at: datetime) -> int:
        """Whole days from the moment the features describe to `at`."""
        return (at - self.as_of).days


@dataclass(frozen=True, slots=True)
class ModelStamp:
    """Which model scored: enough to find the very artefact again."""

    name: str
    version: str
    digest: str
    feature_set_digest: str


@dataclass(frozen=True, slots=True)
class ScoreReason:
    """What raised the risk: a consumer reason, the log-odds it added and the features that speak through it."""

    code: str
    text: str
    contribution: float
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """A default probability, the inputs the model was given and each one's additive part of the log-odds.

    `reasons` are what raised the risk above the model's reference population, heaviest first.
    """

    default_probability: float
    log_odds: float
    contributions: Mapping[str, float]
    inputs: Mapping[str, float | None]
    reasons: tuple[ScoreReason, ...]
    model: ModelStamp


class Scorer(Protocol):
    """Reads an applicant's evidence and scores an order on it."""

    def evidence(self, account_id: str, at: datetime) -> Evidence | None:
        """The newest evidence of `at` or before, or None when there is none. The only method that reads anything."""

    def score(self, order: Order, evidence: Evidence) -> Score:
        """Score the order on the evidence; equal arguments give an equal score."""

    @property
    def model(self) -> ModelStamp:
        """The model that scores."""
