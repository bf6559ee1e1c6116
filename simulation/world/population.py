"""The borrowers of the past and the buyers of today, each with a bank account."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

from simulation.world.account_life import BankTransaction, Intent, account_life
from simulation.world.borrowing import PastLoan, Wish, a_wish, the_loan
from simulation.world.chance import stream
from simulation.world.checkouts import Checkout, RepaymentBehaviour, a_checkout, a_repayment_behaviour
from simulation.world.period import Period
from simulation.world.shopper import Shopper, a_shopper


@dataclass(frozen=True, slots=True)
class Borrower:
    """A shopper who applied once in the past; `loan` is None when the application was refused."""

    shopper: Shopper
    wish: Wish
    loan: PastLoan | None
    transactions: list[BankTransaction]


@dataclass(frozen=True, slots=True)
class Buyer:
    """A shopper who checks out on a day of the demo."""

    shopper: Shopper
    checkouts: tuple[Checkout, ...]
    repayment: RepaymentBehaviour
    transactions: list[BankTransaction]


def a_borrower(seed: int, number: int, period: Period) -> Borrower:
    chance = stream(seed, f"borrower {number}")
    days = (period.last_grant - period.first_grant).days
    day = period.first_grant + timedelta(days=chance.randint(0, days))
    shopper = a_shopper(
        chance,
        number,
        opened_on=_opened_on(chance, day),
        observed_from=day - timedelta(days=chance.randint(95, 170)),
        observed_to=day + timedelta(days=36),
    )
    wish = a_wish(chance, shopper, day)
    # The account is simulated twice with the same random stream: the loan depends on the days before it, and the one
    # instalment seen afterwards depends on the loan.
    life = f"life {number}"
    before = account_life(stream(seed, life), shopper)
    loan = the_loan(stream(seed, f"loan {number}"), shopper, wish, before)
    if loan is None:
        return Borrower(shopper, wish, None, before)
    first_due = Intent(
        day + timedelta(days=30), "debit", wish.instalment_minor, "transfer_out", "loan_instalment", True, "TRANCHE"
    )
    return Borrower(shopper, wish, loan, account_life(stream(seed, life), shopper, (first_due,)))


def a_buyer(seed: int, number: int, first_order: int, period: Period) -> Buyer:
    chance = stream(seed, f"buyer {number}")
    shopper = a_shopper(
        chance,
        number,
        opened_on=_opened_on(chance, period.first_checkout),
        observed_from=period.first_checkout - timedelta(days=chance.randint(95, 170)),
        observed_to=period.last_day,
    )
    transactions = account_life(stream(seed, f"life {number}"), shopper)
    days = period.days_of_checkout()
    times = 2 if chance.random() < 0.15 else 1
    visits = sorted(chance.sample(days, min(times, len(days))))
    checkouts = tuple(a_checkout(chance, shopper, day, first_order + count) for count, day in enumerate(visits))
    repayment = a_repayment_behaviour(chance, shopper, transactions, visits[0])
    return Buyer(shopper, checkouts, repayment, transactions)


def _opened_on(chance: random.Random, day: date) -> date:
    return day - timedelta(days=chance.randint(220, 4_000))
