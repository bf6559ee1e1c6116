"""The projections, which are tables derived from the journal, and their differences from it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Projection:
    """A table of the schema `ledger`, its key columns, and what one of its rows is called."""

    table: str
    keys: tuple[str, ...]
    row: str


# In this order, because the daily totals are derived from the totals of seals.
PROJECTIONS = (
    Projection("balances", ("account_id",), "balance"),
    Projection("open_holds", ("hold_position", "number"), "open hold"),
    Projection("large_accounts", ("account_id",), "large account"),
    Projection("seal_totals", ("account_id", "seal_no", "value_date"), "seal total"),
    Projection("account_days", ("account_id", "known_on", "value_date"), "account day"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that differs from the journal: `says` is stored and `should` is derived, None where missing."""

    projection: Projection
    where: str
    says: Row | None
    should: Row | None

    @property
    def detail(self) -> str:
        """The difference in words, column by column.

        >>> says, should = {"account_id": 1, "version": 3}, {"account_id": 1, "version": 2}
        >>> Difference(PROJECTIONS[0], "bank:main GBP", says, should).detail
        'version is 3, its entries say 2'
        """
        says, should = self.says or {}, self.should or {}
        keys = [f"{key} {(says or should)[key]}" for key in self.projection.keys if key != "account_id"]
        if not says:
            found = ["there is no row, and there must be one"]
        elif not should:
            found = ["there is a row, and there must be none"]
        else:
            changed = [column for column in should if says[column] != should[column]]
            found = [f"{column} is {says[column]}, its entries say {should[column]}" for column in changed]
        return ", ".join(keys) + (": " if keys else "") + "; ".join(found)


class Projections(Protocol):
    """Compares projections with the journal, and repairs them."""

    def differences(self, projection: Projection) -> Iterator[Difference]:
        """Every row that differs from the journal."""

    def replace(self, projection: Projection) -> None:
        """Repair the rows that differ from the journal."""
