"""What may be done with a record: on what grounds it is kept, for how long, where, for what and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LegalBasis(StrEnum):
    """Why we may hold it at all; NONE is for what is about no person."""

    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"
    LEGAL_OBLIGATION = "legal_obligation"
    NONE = "none"


class Jurisdiction(StrEnum):
    """Whose law decides what a record may be used for."""

    GB = "GB"
    EU = "EU"
    CZ = "CZ"
    US = "US"


class Use(StrEnum):
    """What a record may be used for."""

    CREDIT_DECISION = "credit_decision"
    MODEL_TRAINING = "model_training"
    COLLECTION = "collection"
    REPORTING = "reporting"
    RECONCILIATION = "reconciliation"


class Unit(StrEnum):
    """What a span is counted in, as the standard abbreviates it."""

    YEAR = "y"
    DAY = "d"
    HOUR = "h"


_HOURS = {Unit.YEAR: 366 * 24, Unit.DAY: 24, Unit.HOUR: 1}


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time. A year counts 366 days, so that nothing goes a day too early.

    >>> str(Span(7, Unit.YEAR)), Span(7, Unit.YEAR).days
    ('7 y', 2562)
    """

    value: int
    unit: Unit

    @property
    def hours(self) -> int:
        """The span in hours."""
        return self.value * _HOURS[self.unit]

    @property
    def days(self) -> int:
        """The whole days of the span."""
        return self.hours // 24

    def __str__(self) -> str:
        return f"{self.value} {self.unit}"


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who reads the record, and whether it copes with a value that it has not heard of."""

    name: str
    tolerates_new_values: bool


@dataclass(frozen=True, slots=True)
class AllowedUse:
    """What the law of one place lets us do with the record."""

    jurisdiction: Jurisdiction
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """All of it for one contract.

    `subject` names the column that says whose data a row is. `frequency` and `latency` are what a feed promises.
    `rejected_share_limit` is the percentage of a batch above which rejecting rows becomes stopping the batch.
    """

    retention: Span
    legal_basis: LegalBasis
    allowed_use: tuple[AllowedUse, ...]
    consumers: tuple[Consumer, ...]
    subject: str | None = None
    frequency: Span | None = None
    latency: Span | None = None
    rejected_share_limit: int | None = None

    def allows(self, use: Use, jurisdiction: Jurisdiction) -> bool:
        """Whether the record may be used for that there; what is not said is not allowed."""
        return any(use in each.uses for each in self.allowed_use if each.jurisdiction is jurisdiction)
