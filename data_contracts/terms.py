"""The terms of a record: the grounds for holding it, for how long, where, for which uses and which readers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LegalBasis(StrEnum):
    """The legal grounds for holding a record; NONE is for records that are not about a person."""

    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"
    LEGAL_OBLIGATION = "legal_obligation"
    NONE = "none"


class Jurisdiction(StrEnum):
    """The law that decides what a record may be used for."""

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


class SpanUnit(StrEnum):
    """The unit of a span, in the abbreviation of the standard."""

    YEAR = "y"
    DAY = "d"
    HOUR = "h"


_HOURS = {SpanUnit.YEAR: 366 * 24, SpanUnit.DAY: 24, SpanUnit.HOUR: 1}


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time. A year counts 366 days, so that nothing is removed a day too early.

    >>> str(Span(7, SpanUnit.YEAR)), Span(7, SpanUnit.YEAR).days
    ('7 y', 2562)
    """

    value: int
    unit: SpanUnit

    @property
    def hours(self) -> int:
        """The span in hours."""
        return self.value * _HOURS[self.unit]

    @property
    def days(self) -> int:
        """The span in whole days."""
        return self.hours // 24

    def __str__(self) -> str:
        return f"{self.value} {self.unit}"


@dataclass(frozen=True, slots=True)
class Consumer:
    """A reader of the record, and whether it copes with a value that is new to it."""

    name: str
    tolerates_new_values: bool


@dataclass(frozen=True, slots=True)
class AllowedUse:
    """The uses of the record that the law of one place allows."""

    jurisdiction: Jurisdiction
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """All terms of one contract.

    `subject` names the column that says whose data a row is. `frequency` and `latency` are what a feed promises.
    `rejected_share_limit` is the percentage of rejected rows above which a batch stops and writes nothing.
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
        """Whether that use is allowed in that jurisdiction; a use that is not listed is not."""
        return any(use in each.uses for each in self.allowed_use if each.jurisdiction is jurisdiction)
