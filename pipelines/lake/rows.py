"""A selection of rows by column values, which upkeep reads, counts and removes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RowSelection:
    """The rows in which any column of `any_of` has one of its values and the column of `before` is before its time.

    If `any_of` is None, all rows match; if it is empty, none. Rows in which a column of `but_not` has one of its values
    are excluded.
    """

    any_of: Mapping[str, frozenset[str]] | None = None
    before: tuple[str, datetime] | None = None
    but_not: Mapping[str, frozenset[str]] = field(default_factory=dict)
