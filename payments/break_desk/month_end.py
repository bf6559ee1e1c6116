"""The report of a month's end: books tied to settled cash, clearing accounts to their groups, and the exceptions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from ledger.books.statement import OpenGroup
from ledger.money import Money

AGES = (("0-5", 5), ("6-30", 30), ("31-90", 90))


@dataclass(frozen=True, slots=True)
class CashTie:
    """A bank account and currency: `statement` = `books` + what is listed + `unexplained`.

    `statement` is the closing of the last statement by then, None if there is none. The lists, all signed as money in:
    `not_booked`, movements of statements that no journal has booked; `booked_later`, those that count in a later month
    because theirs was closed; `on_a_later_statement`, booked by the books on days that the statement does not reach;
    `counts_later`, movements of the statement on days after the month; `elsewhere`, money told by a file of transfers.
    """

    bank_account: str
    statement_number: int | None
    closed_on: date | None
    statement: Money
    books: Money
    not_booked: Money
    booked_later: Money
    on_a_later_statement: Money
    counts_later: Money
    elsewhere: Money

    @property
    def unexplained(self) -> Money:
        """What nothing lists: E26 unless it is zero."""
        listed = self.not_booked + self.booked_later + self.counts_later - self.on_a_later_statement - self.elsewhere
        return self.statement - self.books - listed


@dataclass(frozen=True, slots=True)
class ClearingTie:
    """A clearing account and currency: its balance, debits less credits, is the sum of its open groups, by age."""

    account: str
    balance: Money
    groups: int
    by_age: Mapping[str, Money]

    @property
    def unexplained(self) -> Money:
        return self.balance - Money.total(self.by_age.values(), self.balance.currency)


@dataclass(frozen=True, slots=True)
class BreakException:
    """A break that was open at the end of the month."""

    break_id: str
    break_class: str
    amount: Money | None
    reason: str
    owner: str
    severity: str
    opened_on: date
    due_by: date
    age_days: int


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """The ties and the exceptions of a month."""

    through: date
    cash: tuple[CashTie, ...]
    clearing: tuple[ClearingTie, ...]
    exceptions: tuple[BreakException, ...]
    objections: tuple[str, ...]

    @property
    def ties(self) -> bool:
        """Whether every tie adds up exactly."""
        rests = [*(each.unexplained for each in self.cash), *(each.unexplained for each in self.clearing)]
        return not any(rest.minor for rest in rests)

    def by_class(self) -> dict[str, dict[str, int]]:
        """The exceptions, by class and then by age in days."""
        found: dict[str, dict[str, int]] = {}
        for each in self.exceptions:
            ages = found.setdefault(each.break_class, {})
            ages[age_band(each.age_days)] = ages.get(age_band(each.age_days), 0) + 1
        return {name: dict(sorted(ages.items())) for name, ages in sorted(found.items())}


class MonthEndBooks(Protocol):
    """Reads the ties of a month's end from one snapshot."""

    def cash(self, through: date) -> list[CashTie]:
        """One tie for each bank account and currency."""

    def clearing_balances(self, through: date) -> Mapping[tuple[str, str], Money]:
        """The balances of accounts with groups, debits less credits, by account and currency."""

    def open_groups(self, as_of: date) -> tuple[OpenGroup, ...]:
        """See `Books.open_groups`."""

    def exceptions(self, through: date) -> list[BreakException]:
        """The breaks open at the end of a day, by class."""

    def objections(self) -> tuple[str, ...]:
        """Why the books may not be closed now."""


def month_end(through: date, books: MonthEndBooks) -> MonthEnd:
    """The report of a month by its last day."""
    groups: dict[tuple[str, str], list[OpenGroup]] = {}
    for group in books.open_groups(through):
        groups.setdefault((group.account, group.posted.currency.value), []).append(group)
    clearing = [
        _clearing(account, balance, groups.get((account, code), []), through)
        for (account, code), balance in books.clearing_balances(through).items()
    ]
    return MonthEnd(
        through,
        tuple(books.cash(through)),
        tuple(clearing),
        tuple(books.exceptions(through)),
        books.objections(),
    )


def _clearing(account: str, balance: Money, groups: Iterable[OpenGroup], through: date) -> ClearingTie:
    ages: dict[str, Money] = {}
    number = 0
    for group in groups:
        if group.posted.minor:
            band = age_band(group.age_days(through))
            ages[band] = ages.get(band, Money.zero(balance.currency)) + group.posted
            number += 1
    return ClearingTie(account, balance, number, dict(sorted(ages.items())))


def age_band(days: int) -> str:
    """The band of an age in days.

    >>> [age_band(days) for days in (0, 5, 6, 90, 91)]
    ['0-5', '0-5', '6-30', '31-90', '91+']
    """
    return next((name for name, most in AGES if days <= most), "91+")


def last_day_of(year: int, month: int) -> date:
    """The last day of a month.

    >>> last_day_of(2024, 2)
    datetime.date(2024, 2, 29)
    """
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
