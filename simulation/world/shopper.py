"""The shoppers of the seeded world: financial habits, drawn once and never disclosed to the platform."""

import random
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Shopper:
    """A person with one current account. Amounts are in pence per month unless the name says otherwise."""

    number: int
    opened_on: date
    observed_from: date
    observed_to: date
    income_minor: int
    irregular: bool
    payday: int
    rent_minor: int
    household_minor: int
    insurance_minor: int
    instalments_minor: tuple[int, ...]
    spending_minor: int
    fee_minor: int
    overdraft_limit_minor: int
    opening_balance_minor: int
    income_falls_on: date | None
    income_after_fall: float

    @property
    def shopper_id(self) -> str:
        return f"s-{self.number:05d}"

    @property
    def account_id(self) -> str:
        return f"a-{self.number:05d}"


def a_shopper(chance: random.Random, number: int, opened_on: date, observed_from: date, observed_to: date) -> Shopper:
    """Draw a shopper whose account is observed between two days, both included.

    `strain` is how far the person lives beyond their means; it moves spending, buffer and debts together, and shows in
    the account.
    """
    strain = chance.gauss(0.0, 1.0)
    irregular = chance.random() < 0.26
    income = round(195_000 * 2.718281828 ** chance.gauss(0.0, 0.34))
    rent = round(income * min(0.5, max(0.15, chance.gauss(0.31 + 0.03 * strain, 0.06))))
    lenders = sum(chance.random() < 0.22 + 0.10 * (strain > 0.3) + 0.14 * (strain > 1.0) for _ in range(3))
    instalments = tuple(round(income * chance.uniform(0.02, 0.07)) for _ in range(lenders))
    household = chance.randint(9_000, 24_000)
    insurance = chance.randint(1_500, 6_500) if chance.random() < 0.62 else 0
    left_over = max(income - rent - household - insurance - sum(instalments), round(0.15 * income))
    falls = chance.random() < 0.14
    days_seen = (observed_to - observed_from).days
    return Shopper(
        number=number,
        opened_on=opened_on,
        observed_from=observed_from,
        observed_to=observed_to,
        income_minor=income,
        irregular=irregular,
        payday=chance.choice((15, 25, 26, 27, 28)),
        rent_minor=rent,
        household_minor=household,
        insurance_minor=insurance,
        instalments_minor=instalments,
        spending_minor=round(left_over * min(1.5, max(0.45, chance.gauss(0.93 + 0.13 * strain, 0.08)))),
        fee_minor=chance.choice((200, 500, 1_500)) if chance.random() < 0.3 else 0,
        overdraft_limit_minor=chance.choice((25_000, 50_000, 100_000, 150_000)),
        opening_balance_minor=round(income * max(-0.15, chance.gauss(0.75 - 0.35 * strain, 0.35))),
        income_falls_on=date.fromordinal(observed_from.toordinal() + chance.randint(60, max(61, days_seen)))
        if falls
        else None,
        income_after_fall=chance.uniform(0.35, 0.65),
    )
