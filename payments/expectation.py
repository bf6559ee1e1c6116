"""What the other side of a payment should show, by when, and under which key."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ledger.money import Money


@dataclass(frozen=True, slots=True)
class Window:
    """The days, both included, in which an expectation may be met without an id."""

    first: date
    last: date

    def holds(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the outside world. `key` is an id of ours that it carries; `account_id` the shopper's bank account."""

    line_id: str
    amount: Money
    booked_on: date
    key: str | None = None
    account_id: str | None = None

    def order(self) -> tuple[date, int, str]:
        return (self.booked_on, self.amount.minor, self.line_id)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the other side should show. `met` when a line has closed it in an earlier run."""

    expectation_id: str
    amount: Money
    key: str | None = None
    account_id: str | None = None
    window: Window | None = None
    met: bool = False

    def order(self) -> tuple[date, int, str]:
        return (self.window.first if self.window else date.min, self.amount.minor, self.expectation_id)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the other side should show by `due_by`; a due is met in its window, everything else by its key."""

    key: str
    leg: int
    amount: Money
    expected_on: date
    due_by: date
    created_by: str
    account_id: str | None = None
    plan_id: str | None = None
    instalment_id: str | None = None
    window: Window | None = None
    met: bool = False

    def to_match(self) -> Expectation:
        return Expectation(self.key, self.amount, self.key, self.account_id, self.window, self.met)


class Expectations(Protocol):
    """Keeps what the other side should show, until a line has shown it. An adapter never commits."""

    def expect(self, expected: Iterable[Expected]) -> int:
        """Keep expectations, each once; how many were new.

        Raises ExpectationConflict for a known key with another content.
        """


class Leg:
    """Which two sides an expectation compares: the legs of reconciliation."""

    LEDGER_PROVIDER = 2
    PROVIDER_BANK = 3
    LEDGER_BANK = 4


def capture_key(attempt_id: str) -> str:
    return f"capture:{attempt_id}"


def return_key(attempt_id: str) -> str:
    return f"return:{attempt_id}"


def claim_key(case_id: str) -> str:
    """A charge-back in the provider's file."""
    return f"claim:{case_id}"


def claim_won_key(case_id: str) -> str:
    return f"claim-won:{case_id}"


def refund_key(payment_id: str) -> str:
    return f"refund:{payment_id}"


def payout_key(payout_id: str) -> str:
    """A provider's payout to us."""
    return f"payout:{payout_id}"


def debit_key(reference: str) -> str:
    """Money that leaves our bank under a reference of ours: a payout, a refund, a claim."""
    return f"debit:{reference}"


def brought_back_key(reference: str) -> str:
    """A payment of ours that the bank brings back."""
    return f"brought-back:{reference}"


def due_key(instalment_id: str) -> str:
    return f"due:{instalment_id}"
