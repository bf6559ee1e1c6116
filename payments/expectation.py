"""Expectations: what the other side of a payment should show in its files, by when, and under which key."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Protocol

from ledger.books.store import Conflict
from ledger.money import Money
from lending.plan.plan import InstalmentId, PlanId
from payments.expectation_key import ClaimKey, ExpectationKey, PayoutKey
from payments.line_key import LineKey


class Leg(IntEnum):
    """Which two sides an expectation compares. Leg 1, our intents against the books, needs no file: `ledger verify`."""

    LEDGER_PROVIDER = 2
    PROVIDER_BANK = 3
    LEDGER_BANK = 4


@dataclass(frozen=True, slots=True)
class Window:
    """The days, both included, in which an expectation may be met without an id."""

    first: date
    last: date

    def holds(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A row of an outside file. `key` is the expectation that it names, if any; `account_id` the shopper's account.

    `detail` is the reference as a bank wrote it, `counterparty` its name of who moved the money.
    """

    line_key: LineKey
    amount: Money
    booked_on: date
    key: ExpectationKey | None = None
    account_id: str | None = None
    detail: str = ""
    counterparty: str | None = None

    def order(self) -> tuple[date, int, str]:
        return (self.booked_on, self.amount.minor, str(self.line_key))


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the other side should show. `met` if a line closed it in an earlier run.

    `tolerance`: how far the amount may differ, where the line names it. `awaited`: the days in which a line may show it
    under a damaged reference.
    """

    key: ExpectationKey
    amount: Money
    account_id: str | None = None
    window: Window | None = None
    met: bool = False
    tolerance: Money | None = None
    awaited: Window | None = None

    def fits(self, amount: Money) -> bool:
        """Whether an amount is the expected one, or differs by no more than is tolerated."""
        if amount.currency is not self.amount.currency:
            return False
        return abs((amount - self.amount).minor) <= (0 if self.tolerance is None else self.tolerance.minor)

    def order(self) -> tuple[date, int, str]:
        return (self.window.first if self.window else date.min, self.amount.minor, str(self.key))


@dataclass(frozen=True, slots=True)
class Expected:
    """What the other side should show by `due_by`. A due is matched within its window, everything else by its key.

    A line that names it may differ by `tolerance`, which is that of the day on which it was first expected.

    `created_by` is the claim or the provider's payout that it belongs to, or else the id of its cause, such as a line.
    """

    key: ExpectationKey
    leg: Leg
    amount: Money
    expected_on: date
    due_by: date
    created_by: ClaimKey | PayoutKey | str
    account_id: str | None = None
    plan_id: PlanId | None = None
    instalment_id: InstalmentId | None = None
    window: Window | None = None
    met: bool = False
    tolerance: Money | None = None

    def to_match(self) -> Expectation:
        awaited = Window(self.expected_on, self.due_by) if self.expected_on <= self.due_by else None
        return Expectation(self.key, self.amount, self.account_id, self.window, self.met, self.tolerance, awaited)


def check_same_expectation(kept: Expected, expected: Expected) -> None:
    """Raise Conflict if the same key is expected with other content; the cause and the tolerance may differ."""
    for name in ("leg", "amount", "expected_on", "due_by", "account_id", "plan_id", "instalment_id", "window"):
        if getattr(kept, name) != getattr(expected, name):
            raise Conflict(str(kept.key), name)


class Expectations(Protocol):
    """Stores what the other side should show, until a line has shown it. An adapter never commits."""

    def expect(self, expected: Iterable[Expected]) -> int:
        """Store expectations, each once; returns how many were new.

        Raises ledger.store.Conflict for a known key with other content. The first cause of a key is kept.
        """
