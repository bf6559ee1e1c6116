"""Simulates a shopper's bank account day by day; each balance is the previous balance plus the amount."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from simulation.world.shopper import Shopper

OVERDRAFT_RATE = 0.399
"""Yearly interest rate on an overdrawn balance, as charged by high-street banks."""
CREDIT_RATE = 0.012
SAVED_ABOVE_INCOMES = 2.5
"""A balance above this many months of income is moved to a savings account."""


@dataclass(frozen=True, slots=True)
class BankTransaction:
    """A row of a bank's feed. `direction` is credit or debit from the account holder's view."""

    account_id: str
    booked_on: date
    sequence: int
    second: int
    direction: str
    amount_minor: int
    balance_after_minor: int
    operation: str
    purpose: str
    counterparty_bank: str | None
    counterparty_account: str | None
    reference: str | None

    @property
    def event_id(self) -> str:
        return f"seeded:trans:{self.account_id}:{self.sequence}"


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment to be booked if the balance allows it; those with `must` are always tried."""

    day: date
    direction: str
    amount_minor: int
    operation: str
    purpose: str
    must: bool = True
    counterparty: str | None = None


def account_life(chance: random.Random, shopper: Shopper, extra: tuple[Intent, ...] = ()) -> list[BankTransaction]:
    """All bank transactions of one account between its first and last observed day, in the order of booking."""
    intents = sorted([*_intents(chance, shopper), *extra], key=lambda intent: intent.day)
    return _book(shopper, intents)


def _months(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)


def _intents(chance: random.Random, shopper: Shopper) -> Iterator[Intent]:
    for month in _months(shopper.observed_from, shopper.observed_to):
        for intent in (
            *_income(chance, shopper, month),
            *_fixed(chance, shopper, month),
            *_free(chance, shopper, month),
        ):
            if shopper.observed_from <= intent.day <= shopper.observed_to:
                yield intent


def _income(chance: random.Random, shopper: Shopper, month: date) -> Iterator[Intent]:
    fell = shopper.income_falls_on is not None and month >= shopper.income_falls_on
    level = shopper.income_minor * (shopper.income_after_fall if fell else 1.0)
    if not shopper.irregular:
        day = month.replace(day=shopper.payday)
        yield Intent(day, "credit", round(level * chance.gauss(1, 0.015)), "transfer_in", "salary", True, "EMPLOYER")
        return
    jobs = chance.choice((1, 2, 3, 3))
    good_month = chance.uniform(0.45, 1.5)
    for _ in range(jobs):
        amount = max(1_000, round(level * good_month / jobs * chance.uniform(0.6, 1.4)))
        day = month.replace(day=chance.randint(1, 28))
        yield Intent(day, "credit", amount, "transfer_in", "salary", True, "CLIENT")


def _fixed(chance: random.Random, shopper: Shopper, month: date) -> Iterator[Intent]:
    yield Intent(month.replace(day=1), "debit", shopper.rent_minor, "transfer_out", "rent", True, "LANDLORD")
    household = round(shopper.household_minor * chance.uniform(0.85, 1.15))
    yield Intent(month.replace(day=8), "debit", household, "transfer_out", "household", True, "UTILITY")
    if shopper.insurance_minor:
        yield Intent(
            month.replace(day=12), "debit", shopper.insurance_minor, "transfer_out", "insurance", True, "INSURER"
        )
    for number, amount in enumerate(shopper.instalments_minor, start=1):
        yield Intent(
            month.replace(day=18 + number), "debit", amount, "transfer_out", "instalment", True, f"LENDER{number}"
        )
    if shopper.fee_minor:
        yield Intent(month.replace(day=28), "debit", shopper.fee_minor, "none", "statement_fee")


def _free(chance: random.Random, shopper: Shopper, month: date) -> Iterator[Intent]:
    shares = (
        ("card", "groceries", 2, 0.42),
        ("card", "other", chance.randint(1, 3), 0.45),
        ("cash_out", "other", 1, 0.13),
    )
    for operation, purpose, times, share in shares:
        if operation == "cash_out" and chance.random() < 0.35:
            continue
        for _ in range(times):
            amount = max(150, round(shopper.spending_minor * share / times * chance.uniform(0.55, 1.45)))
            day = month.replace(day=chance.randint(1, 28))
            yield Intent(day, "debit", amount, operation, purpose, must=False)


class _Book:
    """The running balance of one account while its months are simulated; used inside `_book` only."""

    def __init__(self, shopper: Shopper) -> None:
        self.shopper = shopper
        self.balance = shopper.opening_balance_minor
        self.rows: list[BankTransaction] = []
        self.debt_days_minor = 0
        self.today = shopper.observed_from
        self.today_count = 0

    def pass_days_to(self, day: date) -> None:
        """Advance to a day, adding each night's overdraft interest to the charge at the end of the month."""
        while self.today < day:
            if self.balance < 0:
                self.debt_days_minor -= self.balance
            self.today += timedelta(days=1)
            self.today_count = 0
            if self.today.day == 1:
                self._month_end()

    def _month_end(self) -> None:
        if self.debt_days_minor:
            interest = round(self.debt_days_minor * OVERDRAFT_RATE / 365)
            if interest:
                self.book(Intent(self.today, "debit", interest, "none", "penalty_interest"))
        elif self.balance > 10_000:
            self.book(Intent(self.today, "credit", max(1, round(self.balance * CREDIT_RATE / 12)), "none", "interest"))
        self.debt_days_minor = 0
        spare = self.balance - round(SAVED_ABOVE_INCOMES * self.shopper.income_minor)
        if spare > 0:
            self.book(Intent(self.today, "debit", spare, "transfer_out", "other", True, "SAVINGS"))

    def book(self, intent: Intent) -> None:
        signed = intent.amount_minor if intent.direction == "credit" else -intent.amount_minor
        self.balance += signed
        self.today_count += 1
        self.rows.append(
            BankTransaction(
                account_id=self.shopper.account_id,
                booked_on=self.today,
                sequence=len(self.rows) + 1,
                second=7 * 3600 + min(self.today_count, 50) * 600,
                direction=intent.direction,
                amount_minor=intent.amount_minor,
                balance_after_minor=self.balance,
                operation=intent.operation,
                purpose=intent.purpose,
                counterparty_bank="TOWNBANK" if intent.counterparty else None,
                counterparty_account=f"{intent.counterparty}-{self.shopper.number:05d}"
                if intent.counterparty
                else None,
                reference=None,
            )
        )


def _book(shopper: Shopper, intents: list[Intent]) -> list[BankTransaction]:
    book = _Book(shopper)
    for intent in intents:
        book.pass_days_to(intent.day)
        floor = -shopper.overdraft_limit_minor
        needs = intent.amount_minor if intent.direction == "debit" else 0
        # Free spending stops at the overdraft limit; rent and debts may exceed it a little, then bounce.
        if needs and book.balance - needs < (floor * 2 if intent.must else floor):
            continue
        book.book(intent)
    book.pass_days_to(shopper.observed_to)
    return book.rows
