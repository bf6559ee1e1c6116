"""The laws of fairness: what must hold for the money of every plan, whatever its product and whatever happens to it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ledger.money import Currency, Money
from lending.plan.event import (
    Body,
    ClaimLost,
    ClaimOpened,
    Disputed,
    FeeCharged,
    Goodwill,
    Opened,
    Paid,
    PaidOff,
    PartShipped,
    PaymentChannel,
    PlanEvent,
    Refunded,
    Returned,
    Reversed,
    Route,
)
from lending.plan.fold import fold
from lending.plan.plan import Plan, PlanStatus
from lending.plan.refuse import refuse
from lending.plan.state import PlanState
from lending.terms.servicing_terms import (
    EarlyPayment,
    LateFeeRule,
    LateFees,
    LateInterest,
    LaterShipment,
    RefundPlacing,
    ServicingTerms,
    ShipmentRule,
)
from tests.lending.courses import day, the_books_agree
from tests.lending.plan.test_fold_properties import courses
from tests.lending.plans import a_plan, pounds
from tests.soak import examples

LAWFUL = settings(max_examples=examples(usual=500, soaked=5_000), deadline=None)
A_YEAR = a_plan("1200.00", months=12, rate=1990)
PLANS = (
    A_YEAR,
    a_plan("90.00"),
    a_plan("250.03", months=5, rate=2990, merchant_discount=pounds("7.01")),
    a_plan("3333.33", months=24, rate=590),
)
FEE = LateFees((LateFeeRule("late", pounds("6.00"), 5),), tolerance=100)
_COMMON = {
    "early_payment": st.sampled_from(EarlyPayment),
    "refund_placing": st.sampled_from(RefundPlacing),
    "refunds_pay": st.none() | st.sampled_from(EarlyPayment),
    "goodwill_pays": st.none() | st.sampled_from(EarlyPayment),
    "allocate_across": st.booleans(),
}
TERMS = st.one_of(
    st.builds(ServicingTerms, late_interest=st.sampled_from(LateInterest), **_COMMON),
    st.builds(ServicingTerms, interest_as_agreed=st.just(True), **_COMMON),
)
DAYS = st.integers(0, 420)
AMOUNTS = st.integers(1, 1_500_00)
PAYMENTS = st.lists(st.tuples(DAYS, AMOUNTS), max_size=6)
END = 1_000


def opened(plan: Plan) -> PlanEvent:
    return event("opened", plan, 0, Opened(plan.principal), hour=0)


def event(event_id: str, plan: Plan, number: int, body: Body, *, hour: int = 12) -> PlanEvent:
    at = datetime.combine(day(number), time(hour), UTC)
    return PlanEvent(event_id, plan.plan_id, day(number), at, at, event_id, body)


def paying(plan: Plan, payments: Iterable[tuple[int, int]], name: str = "p") -> list[PlanEvent]:
    """A payment for each day and amount."""
    return [payment(f"{name}-{place}", plan, number, minor) for place, (number, minor) in enumerate(payments)]


def payment(event_id: str, plan: Plan, number: int, minor: int) -> PlanEvent:
    body = Paid(Money(minor, Currency.GBP), PaymentChannel.ATTEMPT, event_id, "bureau", "bacs")
    return event(event_id, plan, number, body)


def owed(plan: Plan, events: Sequence[PlanEvent], terms: ServicingTerms, number: int) -> int:
    """What settles the plan on a day, less the credit that the shopper has with us."""
    state = fold(plan, events, terms, through=day(number))
    the_books_agree(state)
    return state.payoff(day(number)).amount.minor - state.credit_balance.minor


def cost(plan: Plan, events: Sequence[PlanEvent], terms: ServicingTerms) -> int:
    """The interest and fees of a plan that is settled long after its last due."""
    state = fold(plan, events, terms, through=day(END))
    fees = sum(fee.amount.minor - fee.waived.minor for fee in state.fees.values())
    return sum(each.accrued_interest.minor for each in state.instalments) + fees


def dues(plan: Plan) -> int:
    return len(plan.instalments)


@pytest.mark.slow
@LAWFUL
@given(plan=st.sampled_from(PLANS), terms=TERMS, payments=PAYMENTS, moved=st.tuples(DAYS, AMOUNTS), to=DAYS)
def test_money_paid_earlier_never_raises_the_cost(
    plan: Plan, terms: ServicingTerms, payments: list[tuple[int, int]], moved: tuple[int, int], to: int
) -> None:
    """The same payments, one of them on an earlier day: interest and fees are no more, but for rounding at a due."""
    number, minor = moved
    terms = replace(terms, late_fees=FEE)
    others = [opened(plan), *paying(plan, payments)]
    late = cost(plan, [*others, payment("moved", plan, number, minor)], terms)
    early = cost(plan, [*others, payment("moved", plan, min(number, to), minor)], terms)

    assert early <= late + dues(plan)


def test_who_pays_1100_of_1200_on_day_15_pays_the_interest_that_had_accrued() -> None:
    paid = fold(A_YEAR, [opened(A_YEAR), payment("p", A_YEAR, 15, 1_100_00)], ServicingTerms(), through=day(15))

    assert paid.payments["p"].interest == pounds("9.81")
    assert paid.payments["p"].principal == pounds("1090.19")


@pytest.mark.slow
@LAWFUL
@given(
    plan=st.sampled_from(PLANS),
    terms=TERMS,
    payments=PAYMENTS,
    last=st.tuples(DAYS, st.integers(2, 1_500_00)),
    after=st.integers(0, 400),
)
def test_a_penny_less_paid_is_a_penny_more_owed(
    plan: Plan, terms: ServicingTerms, payments: list[tuple[int, int]], last: tuple[int, int], after: int
) -> None:
    """On that day exactly; later with its own interest, and one unit of rounding at a due at most."""
    number, minor = last
    known = [opened(plan), *paying(plan, [each for each in payments if each[0] <= number])]
    whole, less = ([*known, payment("last", plan, number, each)] for each in (minor, minor - 1))

    assert owed(plan, less, terms, number) == owed(plan, whole, terms, number) + 1
    later = owed(plan, less, terms, number + after) - owed(plan, whole, terms, number + after)
    assert 1 - dues(plan) <= later <= 2 + dues(plan)


@pytest.mark.parametrize("short", [0, 1])
def test_the_quote_less_a_penny_leaves_a_penny(short: int) -> None:
    quote = fold(A_YEAR, [opened(A_YEAR)], ServicingTerms(), through=day(15)).payoff(day(15)).amount.minor
    body = PaidOff(Money(quote - short, Currency.GBP), PaymentChannel.SHOPPER, "off", "psp")
    after = [opened(A_YEAR), event("off", A_YEAR, 15, body)]

    assert owed(A_YEAR, after, ServicingTerms(), 15) == short
    assert owed(A_YEAR, after, ServicingTerms(), 400) == short


@pytest.mark.slow
@LAWFUL
@given(plan=st.sampled_from(PLANS), short=st.integers(0, 200))
def test_no_late_fee_falls_on_what_the_product_tolerates(plan: Plan, short: int) -> None:
    terms = ServicingTerms(late_fees=FEE)
    payments = [((each.due_on - day(0)).days, each.amount.minor) for each in plan.instalments]
    *before, (number, minor) = payments
    assume(short < minor)
    state = fold(plan, [opened(plan), *paying(plan, [*before, (number, minor - short)])], terms, through=day(END))

    assert len(state.fees) == (1 if short > FEE.tolerance else 0)


UNDONE = st.sampled_from(["returned", "claimed", "reversed"])


def undoing(plan: Plan, how: str, number: int, after: int) -> list[PlanEvent]:
    """What takes the payment `x` back."""
    if how == "returned":
        return [event("back", plan, number + after, Returned("x", "back"))]
    if how == "reversed":
        return [event("back", plan, number + after, Reversed("x"))]
    claim = ClaimOpened("case", "x", Route.DIRECT_DEBIT, "bureau")
    return [
        event("claim", plan, number + after, claim, hour=13),
        event("back", plan, number + after, ClaimLost("case"), hour=14),
    ]


@pytest.mark.slow
@LAWFUL
@given(
    plan=st.sampled_from(PLANS),
    terms=TERMS,
    before=PAYMENTS,
    it=st.tuples(DAYS, AMOUNTS),
    how=UNDONE,
    after=st.integers(0, 60),
    then=st.integers(0, 400),
)
@example(plan=A_YEAR, terms=ServicingTerms(), before=[], it=(15, 1_100_00), how="returned", after=40, then=300)
def test_a_payment_that_does_not_stand_leaves_what_never_having_been_leaves(  # noqa: PLR0917 - what is drawn
    plan: Plan,
    terms: ServicingTerms,
    before: list[tuple[int, int]],
    it: tuple[int, int],
    how: str,
    after: int,
    then: int,
) -> None:
    number, minor = it
    known = [opened(plan), *paying(plan, [each for each in before if each[0] <= number])]
    undone = [*known, payment("x", plan, number, minor), *undoing(plan, how, number, after)]

    end = number + after + then
    assert owed(plan, undone, terms, end) == owed(plan, known, terms, end)


@pytest.mark.slow
@LAWFUL
@given(
    plan=st.sampled_from(PLANS),
    terms=TERMS,
    others=PAYMENTS,
    it=st.tuples(DAYS, AMOUNTS),
    how=UNDONE,
    after=st.integers(0, 60),
)
def test_a_payment_undone_after_others_costs_nothing_either(  # noqa: PLR0917 - what is drawn
    plan: Plan, terms: ServicingTerms, others: list[tuple[int, int]], it: tuple[int, int], how: str, after: int
) -> None:
    """Payments in between keep what they paid, so a little interest less may be owed, never more."""
    number, minor = it
    known = [opened(plan), *paying(plan, others)]
    undone = [*known, payment("x", plan, number, minor), *undoing(plan, how, number, after)]
    end = max([number + after, *(each[0] for each in others)])

    assert owed(plan, undone, terms, end) <= owed(plan, known, terms, end) + dues(plan) + 1  # a claim may add a due


@pytest.mark.slow
@LAWFUL
@given(course=courses())
def test_nobody_is_paid_back_more_than_they_paid(course: tuple[Plan, ServicingTerms, list[PlanEvent]]) -> None:
    """What is payable or credit is what the shopper paid, or what we granted as goodwill beyond the debt."""
    plan, terms, events = course
    state = fold(plan, events, terms, through=day(END))
    granted = sum(
        each.amounts["credit_balance"].minor
        for each in state.bookings
        if each.flow == "F34" and "credit_balance" in each.amounts
    )

    assert promised(state) <= put_in(state) + granted


def promised(state: PlanState) -> int:
    return state.credit_balance.minor + state.refunds_payable.minor


def put_in(state: PlanState) -> int:
    return sum(each.returnable.minor for each in state.payments.values() if each.channel is not PaymentChannel.CREDIT)


def test_a_refund_after_goodwill_restores_the_goodwill_first() -> None:
    plan = a_plan("100.00")
    events = [
        opened(plan),
        payment("first", plan, 0, 33_34),
        event("gift", plan, 5, Goodwill(pounds("66.66"))),
        event("back", plan, 10, Refunded("r", pounds("100.00"))),
    ]
    state = fold(plan, events, ServicingTerms(), through=day(10))

    assert state.refunds_payable == pounds("33.34")
    assert state.bookings[-1].amounts["goodwill"] == pounds("66.66")


@pytest.mark.slow
@LAWFUL
@given(
    plan=st.sampled_from(PLANS),
    terms=TERMS,
    shipments=st.builds(
        ShipmentRule,
        st.sampled_from([LaterShipment.IN_PROPORTION, LaterShipment.LEVEL_AGAIN]),
        st.sampled_from([1, 100]),
    ),
    number=st.integers(0, 300),
    first=st.integers(1, 99),
)
def test_goods_shipped_later_bear_interest_from_their_shipment(
    plan: Plan, terms: ServicingTerms, shipments: ShipmentRule, number: int, first: int
) -> None:
    terms = replace(terms, shipments=shipments)
    now = max(1, plan.principal.minor * first // 100)
    rest = plan.principal.minor - now
    assume(rest)
    whole = fold(plan, [opened(plan)], terms, through=day(END))
    parts = [
        event("opened", plan, 0, Opened(Money(now, Currency.GBP)), hour=0),
        event("rest", plan, number, PartShipped(Money(rest, Currency.GBP), 2)),
    ]
    later = fold(plan, parts, terms, through=day(END))
    the_books_agree(later)

    assert interest_of(later) <= interest_of(whole) + dues(plan)


def interest_of(state: PlanState) -> int:
    return sum(each.accrued_interest.minor for each in state.instalments)


@pytest.mark.slow
@LAWFUL
@given(plan=st.sampled_from(PLANS), number=st.integers(0, 5))
def test_goods_in_dispute_cost_neither_interest_nor_fees_nor_days(plan: Plan, number: int) -> None:
    """With the whole purchase in dispute nothing more comes until it is decided."""
    terms = ServicingTerms(late_fees=FEE)
    events = [opened(plan), event("case", plan, number, Disputed("case", plan.principal))]
    then, end = (fold(plan, events, terms, through=day(each)) for each in (number, END))

    assert interest_of(end) == interest_of(then)
    assert (end.fees, end.days_past_due(day(END))) == (then.fees, then.days_past_due(day(number)))


def test_a_fee_after_the_payoff_has_a_due_of_its_own() -> None:
    plan = a_plan("90.00")
    state = fold(plan, [opened(plan), payment("all", plan, 0, 90_00)], ServicingTerms(), through=day(80))
    assert state.status is PlanStatus.PAID
    fee = event("fee", plan, 80, FeeCharged("fee", pounds("5.00")))

    assert not refuse(state, fee)
    after = fold(plan, [opened(plan), payment("all", plan, 0, 90_00), fee], ServicingTerms(), through=day(80))
    assert [(str(each.open), each.due_on) for each in after.instalments if each.open.minor] == [("5.00 GBP", day(94))]
    assert after.days_past_due(day(90)) == 0
