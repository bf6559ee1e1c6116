"""Checkouts on the days of the demo, and how the shoppers repay."""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from simulation.world.account_life import BankTransaction
from simulation.world.behaviour import behaviour_before, default_probability
from simulation.world.merchants import MERCHANTS
from simulation.world.period import at, iso
from simulation.world.shopper import Shopper

PAYS, PAYS_ON_RETRY, STOPS_PAYING, ANSWERS_LATE, TAKES_BACK = (
    "pays",
    "pays_on_retry",
    "stops_paying",
    "answers_late",
    "takes_back",
)


@dataclass(frozen=True, slots=True)
class Checkout:
    """One basket at one merchant; `accepts` is whether the shopper takes an offer."""

    order_id: str
    checkout_at: datetime
    shopper_id: str
    account_id: str
    merchant_id: str
    amount_minor: int
    currency: str
    product: str
    duration_months: int
    channel: str
    accepts: bool

    def as_row(self) -> dict[str, object]:
        return asdict(self) | {"checkout_at": iso(self.checkout_at)}


@dataclass(frozen=True, slots=True)
class RepaymentBehaviour:
    """How a shopper's payment method answers charges.

    `pays`: always. `pays_on_retry`: the first attempt of an instalment is declined. `stops_paying`: every attempt from
    instalment `from_instalment` on is declined. `answers_late`: the first answer is lost, and a status request returns
    it. `takes_back`: the payment of instalment `from_instalment` is returned after it settled.
    """

    account_id: str
    shopper_id: str
    kind: str
    from_instalment: int

    def as_row(self) -> dict[str, object]:
        return asdict(self)


def a_checkout(chance: random.Random, shopper: Shopper, day: date, number: int) -> Checkout:
    """Draw one basket: small ones paid in three, larger ones monthly."""
    monthly = chance.random() < 0.35
    amount = (
        chance.randint(300, 1_800) * 100 + 99 if monthly else chance.randint(35, 420) * 100 + chance.choice((0, 49, 99))
    )
    return Checkout(
        order_id=f"o-{number:05d}",
        checkout_at=at(day, chance.randint(9 * 3600, 21 * 3600)),
        shopper_id=shopper.shopper_id,
        account_id=shopper.account_id,
        merchant_id=chance.choice(MERCHANTS).merchant_id,
        amount_minor=amount,
        currency="GBP",
        product="monthly" if monthly else "pay_in_3",
        duration_months=chance.choice((3, 6, 6)) if monthly else 2,
        channel=chance.choice(("web", "web", "pos")),
        accepts=chance.random() < 0.93,
    )


def a_repayment_behaviour(
    chance: random.Random, shopper: Shopper, transactions: Sequence[BankTransaction], day: date
) -> RepaymentBehaviour:
    """Draw a shopper's payment habit; the worse the account, the likelier they stop paying. Other habits are random."""
    probability = default_probability(behaviour_before(transactions, day, 0), chance.gauss(0.0, 0.3))
    draw = chance.random()
    if draw < probability:
        kind = STOPS_PAYING
    else:
        kind = chance.choices((PAYS, PAYS_ON_RETRY, ANSWERS_LATE, TAKES_BACK), weights=(80, 11, 5, 4))[0]
    return RepaymentBehaviour(shopper.account_id, shopper.shopper_id, kind, chance.randint(1, 2))
