"""The past loans of shoppers, their outcomes, and the day on which each outcome was known."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from simulation.world.account_life import BankTransaction
from simulation.world.behaviour import Behaviour, behaviour_before, default_probability
from simulation.world.merchants import MERCHANTS
from simulation.world.period import at
from simulation.world.shopper import Shopper

DURATIONS = (3, 6, 6)
WORST_THAT_GOT_MONEY = 0.95


@dataclass(frozen=True, slots=True)
class Wish:
    """A past application: amount, months and time."""

    application_id: str
    shopper_id: str
    account_id: str
    merchant_id: str
    applied_at: datetime
    amount_minor: int
    duration_months: int
    channel: str

    @property
    def instalment_minor(self) -> int:
        return -(-self.amount_minor // self.duration_months)


@dataclass(frozen=True, slots=True)
class PastLoan:
    """A granted loan and its outcome; `ended_on` is when it happened and when the lender knew it."""

    loan_id: str
    wish: Wish
    granted_on: date
    status: str
    ended_on: date
    probability: float


def a_wish(chance: random.Random, shopper: Shopper, day: date) -> Wish:
    """Draw a shopper's application on a day; amounts are in proportion to income."""
    amount = round(shopper.income_minor * chance.uniform(0.25, 1.3) / 1_000) * 1_000
    return Wish(
        application_id=f"seeded:application:{shopper.number:05d}",
        shopper_id=shopper.shopper_id,
        account_id=shopper.account_id,
        merchant_id=chance.choice(MERCHANTS).merchant_id,
        applied_at=at(day, chance.randint(9 * 3600, 20 * 3600)),
        amount_minor=amount,
        duration_months=chance.choice(DURATIONS),
        channel=chance.choice(("web", "web", "pos")),
    )


def the_loan(
    chance: random.Random, shopper: Shopper, wish: Wish, transactions: Sequence[BankTransaction]
) -> PastLoan | None:
    """The loan of an application, or None when it was refused; its outcome is drawn by the shopper's behaviour."""
    day = wish.applied_at.date()
    behaviour: Behaviour = behaviour_before(transactions, day, wish.instalment_minor)
    probability = default_probability(behaviour, chance.gauss(0.0, 0.3))
    # The lender of the past was lax: it refused some at random, and by rule only the very worst.
    if chance.random() < 0.08 or probability > WORST_THAT_GOT_MONEY:
        return None
    bad = chance.random() < probability
    ended_on = day + timedelta(days=chance.randint(95, 180) if bad else round(30.4 * wish.duration_months) + 1)
    return PastLoan(
        loan_id=f"seeded-{shopper.number:05d}",
        wish=wish,
        granted_on=day,
        status="finished_unpaid" if bad else "finished_paid",
        ended_on=ended_on,
        probability=probability,
    )
