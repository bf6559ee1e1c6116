"""The course of a plan for tests: its events in the words of a story, and the books that follow from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ledger.map.flow import Flow
from ledger.money import Currency, Money
from lending.plan.booking import Booking, balances_of
from lending.plan.event import Body, Held, Opened, Paid, PaymentChannel, PlanEvent, Returned
from lending.plan.fold import fold
from lending.plan.plan import Plan
from lending.plan.state import PlanState
from lending.terms.servicing_terms import LateFeeRule, LateFees, ServicingTerms
from tests.lending.plans import OPENED_ON, a_plan, pounds

LATE_FEE = LateFees((LateFeeRule("late", pounds("7.00"), 7),))
LATE = ServicingTerms(late_fees=LATE_FEE)


def day(number: int) -> date:
    """A day by its number; day 0 is the opening."""
    return OPENED_ON + timedelta(days=number)


def a_purchase(**changes: Any) -> Plan:
    """90.00 in three payments of 30.00 on days 0, 30 and 60; the merchant leaves 4.50."""
    return a_plan("90.00", **{"merchant_discount": pounds("4.50")} | changes)


@dataclass
class Course:
    """A plan and what has happened to it."""

    plan: Plan = field(default_factory=a_purchase)
    terms: ServicingTerms = field(default_factory=ServicingTerms)
    events: list[PlanEvent] = field(default_factory=list)

    def open(self) -> "Course":
        self.then(0, Opened(self.plan.principal), event_id="opened")
        return self

    def then(self, number: int, body: Body, *, event_id: str | None = None, hour: int = 12) -> PlanEvent:
        """Something happens on a day by its number."""
        event_id = event_id or f"e-{len(self.events)}"
        at = datetime.combine(day(number), time(hour), UTC)
        event = PlanEvent(event_id, self.plan.plan_id, day(number), at, at, event_id, body)
        self.events.append(event)
        return event

    def collect(self, number: int, amount: str, instalment: int | None = None, **changes: Any) -> PlanEvent:
        """An attempt by direct debit succeeds."""
        payment_id = changes.pop("payment_id", f"a-{len(self.events)}")
        instalment_id = None if instalment is None else f"{self.plan.plan_id}/{instalment}"
        event_id, hour = changes.pop("event_id", None), changes.pop("hour", 12)
        channel = changes.pop("channel", PaymentChannel.ATTEMPT)
        body = Paid(pounds(amount), channel, payment_id, "bureau", "bacs", instalment_id, **changes)
        return self.then(number, body, event_id=event_id, hour=hour)

    def bounce(self, number: int, payment: PlanEvent) -> PlanEvent:
        return self.then(number, Returned(payment.event_id, f"r-{len(self.events)}"))

    def state(self, number: int, *, accrued_from: date | None = None) -> PlanState:
        """Where the plan stands at the end of a day."""
        return fold(self.plan, self.events, self.terms, through=day(number), accrued_from=accrued_from)


def balance(state: PlanState, account: str, currency: Currency = Currency.GBP) -> Money:
    """What the bookings leave on an account, debits positive; `plan:` stands for the plan's own."""
    return balances(state)(account, currency)


def balances(state: PlanState) -> Callable[..., Money]:
    """`balance` of one state for many accounts, worked out once."""
    known = balances_of(_interest_in_one(state.bookings))

    def of(account: str, currency: Currency = Currency.GBP) -> Money:
        account = account.replace("plan:", f"plan:{state.plan.plan_id}:").replace("shopper:", "shopper:s-1:")
        return Money(known.get((account.replace("merchant:", "merchant:m-1:"), currency), 0), currency)

    return of


def _interest_in_one(bookings: Sequence[Booking]) -> list[Booking]:
    """The bookings, with the interest of all days as one, because most are of a day's interest."""
    daily = [each for each in bookings if each.flow == Flow.INTEREST_ACCRUED]
    others = [each for each in bookings if each.flow != Flow.INTEREST_ACCRUED]
    if not daily:
        return others
    whole = Money.total((each.amounts["interest"] for each in daily), daily[0].amounts["interest"].currency)
    return [daily[0]._replace(amounts={"interest": whole}), *others]


def booked(state: PlanState, event: PlanEvent) -> dict[str, dict[str, str]]:
    """What an event booked: the amounts by flow, without their currency."""
    return {
        booking.flow: _plain(booking)
        for booking in state.bookings
        if booking.event_id == event.event_id and booking.flow != "F05"
    }


def _plain(booking: Booking) -> dict[str, str]:
    return {name: str(amount).split()[0] for name, amount in booking.amounts.items()}


def open_amounts(state: PlanState) -> list[str]:
    return [str(each.open).split()[0] for each in state.instalments]


def held(attempt_id: str, principal: str, *, interest: str = "0.00", fees: str = "0.00") -> Held:
    return Held(f"F12a:{attempt_id}", pounds(fees), pounds(interest), pounds(principal))


def the_books_agree(state: PlanState) -> None:
    """What the plan says it is owed is what its bookings left on its accounts, and no account is below its floor."""
    of = balances(state)
    accrued = pounds("0.00")
    for part in state.instalments:
        accrued += Money(part.accrual.by(state.through), Currency.GBP) - part.paid_interest
    assert of("plan:principal") == state.outstanding
    assert of("plan:interest_rcv") == accrued
    assert of("plan:fee_rcv") == state.open_fees
    assert -of("shopper:credit_balance") == state.credit_balance
    assert -of("shopper:refund_payable") == state.refunds_payable
    assert -of("inc:discount") == state.discount_earned
    assert of("memo:charged_off") == state.charged_off
    deferred = Money(state.merchant_share.discount, Currency.GBP) - state.discount_earned
    refunded = rounded_discount(state)
    assert -of("plan:deferred_discount") == deferred - refunded
    for part in state.instalments:
        assert min(part.open_principal, part.open_interest, part.open_fees, part.disputed).minor >= 0
    assert min(state.credit_balance - state.withheld, state.withheld, state.refunds_payable).minor >= 0


def rounded_discount(state: PlanState) -> Money:
    """The part of the discount that refunds took, read from what they booked."""
    names = ("discount", "earned_discount")
    of_refunds = [each for each in state.bookings if each.flow in {"F21a", "F21b", "F22", "F25a", "F27b", "F40r"}]
    return Money.total(
        (each.amounts[name] for each in of_refunds for name in names if name in each.amounts), Currency.GBP
    )
