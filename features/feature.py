"""Feature: one input of a decision, with everything a reader needs to trust it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Jurisdiction = Literal["GB", "EU", "CZ", "US"]
Use = Literal["credit_decision", "model_training", "reporting"]

JURISDICTIONS: tuple[Jurisdiction, ...] = ("GB", "EU", "CZ", "US")
EVERY_USE: frozenset[Use] = frozenset({"credit_decision", "model_training", "reporting"})
EVERYWHERE: Mapping[Jurisdiction, frozenset[Use]] = dict.fromkeys(JURISDICTIONS, EVERY_USE)


@dataclass(frozen=True, slots=True)
class Feature:
    """One named value of an entity.

    `sql` is arithmetic in Spark SQL: over measures for a lake feature, over the order's fields and lake features for a
    request feature. `monotone` says how the default probability may move when the value grows: up (1), down (-1), or
    either way (0) where economics does not decide it. After `stale_after` days without a new event of the bank, the
    value is null and named in `stale`; None keeps it at any age. `allowed` lists the uses that a jurisdiction permits.
    Raise `version` when the meaning changes although the text stays the same.
    """

    name: str
    group: str
    meaning: str
    unit: Literal["minor", "ratio", "count", "days", "months"]
    sql: str
    monotone: Literal[-1, 0, 1] = 0
    version: int = 1
    entity: str = "applicant"
    owner: str = "data-science"
    stale_after: int | None = None
    allowed: Mapping[Jurisdiction, frozenset[Use]] = field(default_factory=lambda: EVERYWHERE)

    def may_serve(self, use: Use, jurisdiction: Jurisdiction) -> bool:
        """Whether that jurisdiction permits this use; a use that is not listed is forbidden."""
        return use in self.allowed.get(jurisdiction, frozenset())
