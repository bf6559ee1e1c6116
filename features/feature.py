"""Feature: one input of the model, with everything a reader needs to trust it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Feature:
    """One named input of the model.

    `sql` is arithmetic in Spark SQL: of a lake feature over the measures of its group, of a request feature over the
    order's fields and the lake features. `monotone` says how the default probability may move when the value grows:
    up (1), down (-1), or either way (0) where economics does not settle it. Raise `version` when the meaning changes
    although the text stays.
    """

    name: str
    group: str
    meaning: str
    unit: Literal["minor", "ratio", "count", "days", "months"]
    sql: str
    monotone: Literal[-1, 0, 1] = 0
    version: int = 1
