"""The standing of reconciliation: what is matched, what is open, and how the statements compare with the books."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class ListedBreak:
    """A break, formatted for a person to read."""

    break_id: str
    break_class: str
    line_id: str
    expectation_id: str
    amount: str | None
    reason: str
    owner: str
    severity: str
    opened_on: date
    due_by: date
    age_days: int
    closed_on: date | None
    closed_by: str | None


@dataclass(frozen=True, slots=True)
class ClearingStanding:
    """The provider's clearing account: its balance, and the captures not yet paid out, which must be equal."""

    currency: str
    balance_minor: int
    explained_minor: int
    attempts: int


@dataclass(frozen=True, slots=True)
class BankBalance:
    """The balance of a bank account's newest statement, and its balance in the books."""

    bank_account: str
    currency: str
    statement_minor: int
    ledger_minor: int
    closed_on: date


@dataclass(frozen=True, slots=True)
class Standing:
    """Every line is matched by id, by rule, or unmatched. `breaks` are all ever found, `open_breaks` the open ones."""

    as_of: date
    lines: int
    matched_by_id: int
    matched_by_rule: int
    unmatched: int
    breaks: Mapping[str, int]
    open_breaks: Mapping[str, int]
    open_expectations: int
    in_time: int
    open_by_age: Mapping[str, int]
    found_late: tuple[str, ...]
    clearing: tuple[ClearingStanding, ...]
    banks: tuple[BankBalance, ...]
    listed: tuple[ListedBreak, ...]
