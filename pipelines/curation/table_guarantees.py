"""Guarantees of curated tables that a single frame does not show: volume, freshness and valid references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from data_contracts.contract import Contract

# The size of a table with fewer rows than this is not checked.
SMALL = 1_000


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: each value of `column` is a value of `key` in the curated table `table`."""

    column: str
    table: str
    key: str


@dataclass(frozen=True, slots=True)
class TableGuarantees:
    """The guarantees of one table. `shrink` and `growth` limit its number of rows, as shares of the number before."""

    references: tuple[Reference, ...] = ()
    fresh_within: timedelta | None = None
    shrink: float = 0.9
    growth: float = 20.0


_ACCOUNT = Reference("account_id", "curated.accounts", "account_id")
_APPLICATION = Reference("application_id", "curated.credit_applications", "application_id")
_LOAN = Reference("loan_id", "curated.granted_loans", "loan_id")

# By the contract's name; a contract that is not here guarantees no reference and no freshness.
GUARANTEES: Mapping[str, TableGuarantees] = {
    "bank_transaction": TableGuarantees(references=(_ACCOUNT,), fresh_within=timedelta(days=2)),
    "credit_application": TableGuarantees(references=(_ACCOUNT,)),
    "granted_loan": TableGuarantees(references=(_APPLICATION,)),
    "loan_outcome": TableGuarantees(references=(_LOAN,)),
}


def guarantees_of(contract: Contract) -> TableGuarantees:
    """The guarantees of the contract's table."""
    return GUARANTEES.get(contract.name, TableGuarantees())


def references_first(contracts: Iterable[Contract]) -> list[Contract]:
    """The contracts in an order in which every table comes after those that it refers to."""
    waiting = {contract.curated_table: contract for contract in contracts}
    ordered: list[Contract] = []

    def take(contract: Contract) -> None:
        for reference in guarantees_of(contract).references:
            if reference.table in waiting:
                take(waiting.pop(reference.table))
        ordered.append(contract)

    while waiting:
        take(waiting.pop(next(iter(waiting))))
    return ordered


def volume_breach(guaranteed: TableGuarantees, *, rows: int, before: int) -> str | None:
    """The breach of a table's guarantee on its size compared with before, or None."""
    if before < SMALL or guaranteed.shrink * before <= rows <= guaranteed.growth * before:
        return None
    return (
        f"volume: A table has between {guaranteed.shrink:g} and {guaranteed.growth:g} times the rows that it had. "
        f"Found {rows:,} behind {before:,}."
    )


def freshness_breach(guaranteed: TableGuarantees, *, newest: datetime | None, at: datetime | None) -> str | None:
    """The breach of a table's guarantee on its age at that time, or None; None also without a time."""
    if at is None or guaranteed.fresh_within is None or (newest is not None and at - newest <= guaranteed.fresh_within):
        return None
    return f"freshness: The newest row was known within {guaranteed.fresh_within} before {at}. Found {newest}."


def reference_breach(reference: Reference, *, astray: int) -> str | None:
    """The breach of a reference with `astray` values that do not exist in the other table, or None."""
    if not astray:
        return None
    return (
        f"{reference.column}_is_known: Each {reference.column} is one of {reference.table}. "
        f"Found {astray:,} values that are not."
    )
