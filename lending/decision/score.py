"""Scores: the probability that an applicant defaults, the evidence for it, and the model that computed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lending.decision.order import Order


@dataclass(frozen=True, slots=True)
class Evidence:
    """The applicant's features as read for one decision.

    `as_of` is the moment they describe, `observed_until` the time of the newest bank transaction in them, and
    `snapshot_ids` the lake snapshots they were computed from. A value of None is unknown; `stale` names the features
    whose values were too old to count when they were read.
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
    """The model that scored, identified so that its artefact can be found again."""

    name: str
    version: str
    digest: str
    feature_set_digest: str


@dataclass(frozen=True, slots=True)
class ScoreReason:
    """A reason why the risk is raised: a consumer reason, its share in log-odds, and the features behind it."""

    code: str
    text: str
    contribution: float
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """A probability of default, with the model's inputs and the contribution of each in log-odds.

    `reasons` are those that raise the risk above the model's reference population, largest first.
    """

    default_probability: float
    log_odds: float
    contributions: Mapping[str, float]
    inputs: Mapping[str, float | None]
    reasons: tuple[ScoreReason, ...]
    model: ModelStamp


class Scorer(Protocol):
    """Reads an applicant's evidence and scores an order with it."""

    def evidence(self, account_id: str, at: datetime) -> Evidence | None:
        """The newest evidence as of `at`, or None. The only method with I/O."""

    def score(self, order: Order, evidence: Evidence) -> Score:
        """Score the order; equal arguments give an equal score."""

    @property
    def model(self) -> ModelStamp:
        """The model that this scorer uses."""
