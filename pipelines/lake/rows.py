"""Rows by what they hold: what upkeep asks a table for, counts and removes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RowSelection:
    """The rows in which some column of `any_of` has one of its values, and `before`'s column lies before its moment.

    Without `any_of` all rows are meant, with an empty one none. Rows of which a column of `but_not` has one of its
    values are left out.
    """

    any_of: Mapping[str, frozenset[str]] | None = None
    before: tuple[str, datetime] | None = None
    but_not: Mapping[str, frozenset[str]] = field(default_factory=dict)
