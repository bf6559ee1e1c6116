"""What holds for every course of a plan; courses are drawn from all that is not refused."""

from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import Currency, Money
from lending.plan.booking import balances_of
from lending.plan.event import (
    Body,
    CashBack,
    ChargedOff,
    ClaimLost,
    ClaimOpened,
    ClaimWon,
    CreditRefunded,
    Disputed,
    DisputeSettled,
    FeeCharged,
    FeeWaived,
    Forbearance,
    Goodwill,
    Holiday,
    InterestWaived,
    Opened,
    Paid,
    PaidOff,
    PaymentChannel,
    PlanEvent,
    Recovered,
    Refunded,
    Rescheduled,
    Returned,
    Reversed,
    Route,
    WrittenOff,
    body_of,
    event_kind,
    tree_of,
)  # fmt: skip
from lending.plan.fold import fold
from lending.plan.plan import Plan, PlanStatus
from lending.plan.refuse import TAKEN_IN, refuse
from lending.plan.state import PlanState
from lending.schedule.due import Due
from lending.terms.servicing_terms import LateFeeRule, LateFees, RefundPlacing, ServicingTerms
from tests.lending.courses import a_purchase, balance, day, the_books_agree
from tests.lending.plans import a_plan, pounds
from tests.soak import examples

PLANS = (a_purchase(), a_plan("250.03", months=5, rate=1990, merchant_discount=pounds("7.01")))
FEES = LateFees((LateFeeRule("first", pounds("6.00"), 5), LateFeeRule("second", pounds("6.00"), 20)), pounds("9.00"))
TERMS = st.builds(
    ServicingTerms,
    late_fees=st.just(FEES),
    refund_placing=st.sampled_from(RefundPlacing),
    interest_stops_in_pause=st.booleans(),
    reschedule_resets_delinquency=st.booleans(),
)
AMOUNTS = st.integers(1, 120_00).map(lambda minor: Money(minor, Currency.GBP))
IDS = st.integers(0, 30).map(lambda number: f"e-{number}")
PAYMENTS = st.builds(Paid, AMOUNTS, st.just(PaymentChannel.ATTEMPT), IDS, st.just("bureau"), st.just("bacs"))
CASES = st.sampled_from(["case-1", "case-2"])
BODIES = st.one_of(
    PAYMENTS,
    PAYMENTS,
    PAYMENTS,
    st.builds(Returned, IDS, IDS),
    st.builds(ClaimOpened, CASES, IDS, st.sampled_from(Route), st.just("bureau")),
    st.builds(ClaimWon, CASES, st.just(CashBack.NETTED)),
    st.builds(ClaimLost, CASES, st.booleans()),
    st.builds(Paid, AMOUNTS, st.just(PaymentChannel.CREDIT), IDS),
    st.builds(PaidOff, AMOUNTS, st.just(PaymentChannel.ATTEMPT), IDS, st.just("bureau"), st.just("bacs")),
    st.builds(Returned, IDS, IDS),
    st.builds(Reversed, IDS),
    st.builds(Refunded, IDS, AMOUNTS),
    st.builds(Disputed, CASES, AMOUNTS),
    st.builds(DisputeSettled, CASES, st.booleans()),
    st.builds(ClaimOpened, CASES, IDS, st.sampled_from(Route), st.just("bureau")),
    st.builds(ClaimWon, CASES, st.just(CashBack.NETTED)),
    st.builds(ClaimLost, CASES, st.booleans()),
    st.builds(FeeCharged, IDS, AMOUNTS),
    st.builds(FeeWaived, st.one_of(IDS, st.just("p-d-1/1/first"))),
    st.builds(InterestWaived, st.integers(1, 300).map(lambda minor: Money(minor, Currency.GBP))),
    st.builds(Goodwill, AMOUNTS),
    st.builds(CreditRefunded, IDS, AMOUNTS),
    st.builds(ChargedOff, st.booleans()),
    st.builds(Recovered, AMOUNTS, st.just(PaymentChannel.ATTEMPT), IDS, st.just("bureau"), st.just("bacs")),
    st.builds(WrittenOff),
    st.integers(1, 20).map(lambda days: Forbearance(day(40), day(40 + days))),
    st.integers(1, 20).map(lambda days: Holiday(day(50), day(50 + days))),
    st.integers(2, 4),  # a reschedule in so many dues
)
STEPS = st.lists(st.tuples(st.integers(0, 170), st.integers(0, 23), BODIES), min_size=5, max_size=14)
LAST = 200


@st.composite
def courses(draw: st.DrawFn) -> tuple[Plan, ServicingTerms, list[PlanEvent]]:
    """A plan and events that it did not refuse when they arrived, in any order of their value dates."""
    plan, terms = draw(st.sampled_from(PLANS)), draw(TERMS)
    events = [_event("opened", plan, 0, 0, Opened(plan.principal))]
    for place, (number, hour, drawn) in enumerate(draw(STEPS)):
        state = fold(plan, events, terms, through=day(LAST))
        body = _dues(state, drawn, number) if isinstance(drawn, int) else _aimed(drawn, state)
        event = _event(f"e-{place}", plan, number, hour, body)
        if not refuse(state, event):
            events.append(event)
    return plan, terms, events


def _event(event_id: str, plan: Plan, number: int, hour: int, body: Body) -> PlanEvent:
    at = datetime.combine(day(number), time(hour), UTC)
    return PlanEvent(event_id, plan.plan_id, day(number), at, at, event_id, _named(body, event_id))


def _named(body: Body, event_id: str) -> Body:
    """What an event brings under an id of its own has the event's."""
    match body:
        case Paid() | PaidOff() | Recovered():
            return replace(body, payment_id=event_id)
        case Refunded() | CreditRefunded():
            return replace(body, refund_id=event_id)
        case Returned():
            return replace(body, return_id=event_id)
        case FeeCharged():
            return replace(body, fee_id=event_id)
        case _:
            return body


def _aimed(body: Body, state: PlanState) -> Body:
    """What refers to something refers to something that is there."""
    match body:
        case Returned() | ClaimOpened() if state.payments:
            return replace(body, payment_event_id=_one_of(list(state.payments), body.payment_event_id))
        case Reversed():
            return replace(body, reversed_event_id=_one_of(list(state.events), body.reversed_event_id))
        case FeeWaived() if state.fees:
            return replace(body, fee_id=_one_of(list(state.fees), body.fee_id))
        case ClaimWon() | ClaimLost() | DisputeSettled() if state.cases:
            return replace(body, case_id=_one_of(list(state.cases), body.case_id))
        case _:
            return body


def _one_of(there: list[str], drawn: str) -> str:
    return there[sum(drawn.encode()) % len(there)]


def _dues(state: PlanState, parts: int, number: int) -> Rescheduled:
    free = state.outstanding - state.disputed
    first = max(each.number for each in state.instalments) + 1
    dues = (
        Due(first + place, day(number + 30 * (place + 1)), part, Money(25, Currency.GBP))
        for place, part in enumerate(free.split(parts))
    )
    return Rescheduled(tuple(dues))


@settings(max_examples=examples(usual=20, soaked=60), deadline=None)
@given(course=courses())
def test_the_books_of_a_plan_agree_with_its_schedule_after_every_course(
    course: tuple[Plan, ServicingTerms, list[PlanEvent]],
) -> None:
    """They agree after each of its days too: the books as of that day are those of the fold through it."""
    plan, terms, events = course
    for number in sorted({0, LAST, *((event.value_date - plan.opened_on).days for event in events)}):
        the_books_agree(fold(plan, events, terms, through=day(number)))


@settings(max_examples=25, deadline=None)
@given(course=courses(), data=st.data())
def test_a_plan_does_not_depend_on_the_order_in_which_its_events_became_known(
    course: tuple[Plan, ServicingTerms, list[PlanEvent]], data: st.DataObject
) -> None:
    """Inserting a backdated event gives the same plan as folding the sorted events from scratch."""
    plan, terms, events = course
    arrived = data.draw(st.permutations(events))

    assert fold(plan, arrived, terms, through=day(LAST)) == fold(plan, events, terms, through=day(LAST))


@settings(max_examples=30, deadline=None)
@given(course=courses(), number=st.integers(0, LAST))
def test_a_payoff_quote_paid_on_its_day_closes_the_plan(
    course: tuple[Plan, ServicingTerms, list[PlanEvent]], number: int
) -> None:
    """After the payment the plan has a zero balance."""
    plan, terms, events = course
    known = [event for event in events if event.value_date <= day(number)]
    state = fold(plan, known, terms, through=day(number))
    if state.status is not PlanStatus.OPEN or not state.payoff(day(number)).amount.minor:
        return
    body = PaidOff(state.payoff(day(number)).amount, PaymentChannel.SHOPPER, "pay-off", "psp")
    closed = fold(
        plan,
        [*known, replace(_event("x", plan, number, 23, body), occurred_at=_late(number))],
        terms,
        through=day(LAST),
    )

    assert closed.status in {PlanStatus.PAID, PlanStatus.REFUNDED}
    assert (balance(closed, "plan:principal").minor, balance(closed, "plan:interest_rcv").minor) == (0, 0)
    assert closed.credit_balance == state.credit_balance


def _late(number: int) -> datetime:
    return datetime.combine(day(number), time(23, 59, 59), UTC)


@settings(max_examples=25, deadline=None)
@given(course=courses())
def test_late_fees_come_once_and_keep_to_their_caps(course: tuple[Plan, ServicingTerms, list[PlanEvent]]) -> None:
    """Each late fee is booked once, and the fees of one instalment stay within its cap."""
    plan, terms, events = course
    state = fold(plan, events, terms, through=day(LAST))
    late = [booking.key for booking in state.bookings if booking.flow == "F15" and booking.event_id.startswith("F15:")]
    per_instalment: dict[str, int] = {}
    for fee in state.fees.values():
        if fee.fee_id.endswith(("/first", "/second")):
            charged = per_instalment.get(fee.instalment_id, 0) + fee.amount.minor
            per_instalment[fee.instalment_id] = charged

    assert len(late) == len(set(late))
    assert max(per_instalment.values(), default=0) <= 900


@settings(max_examples=25, deadline=None)
@given(course=courses())
def test_refunds_stay_within_the_purchase(course: tuple[Plan, ServicingTerms, list[PlanEvent]]) -> None:
    """The merchant gives back no more than its share either."""
    plan, terms, events = course
    state = fold(plan, events, terms, through=day(LAST))

    assert state.refunded <= plan.principal
    assert state.refundable_rest.minor >= 0
    assert -balance(state, "merchant:payable") >= Money(0, Currency.GBP)


@settings(max_examples=60, deadline=None)
@given(number=st.integers(0, 170), amount=st.integers(2, 300_00), cuts=st.lists(st.integers(1, 299_99), max_size=4))
def test_a_cash_split_over_payments_of_one_day_is_one_payment(number: int, amount: int, cuts: list[int]) -> None:
    """Allocation conserves the payment, so the parts together pay what one payment of the sum would."""
    plan, terms = PLANS[1], ServicingTerms(late_fees=FEES)
    opened = _event("opened", plan, 0, 0, Opened(plan.principal))
    edges = sorted({0, amount, *(cut for cut in cuts if cut < amount)})
    parts = [high - low for low, high in pairwise(edges)]

    def paying(amounts: list[int]) -> PlanState:
        payments = [
            _event(f"p-{place}", plan, number, 12, Paid(Money(part, Currency.GBP), PaymentChannel.SHOPPER, "", "psp"))
            for place, part in enumerate(amounts)
        ]
        return fold(plan, [opened, *payments], terms, through=day(LAST))

    one, many = paying([amount]), paying(parts)
    assert one.instalments == many.instalments
    assert balances_of(one.bookings) == balances_of(many.bookings)


@settings(max_examples=25, deadline=None)
@given(course=courses(), event=st.tuples(st.integers(0, 170), BODIES))
def test_an_event_is_taken_only_in_the_statuses_that_take_it(
    course: tuple[Plan, ServicingTerms, list[PlanEvent]], event: tuple[int, Body | int]
) -> None:
    """An event that is not refused changes nothing that is final."""
    plan, terms, events = course
    state = fold(plan, events, terms, through=day(LAST))
    number, body = event
    if isinstance(body, int):
        return
    refusals = refuse(state, _event("next", plan, number, 12, body))

    if state.status not in TAKEN_IN[type(body)]:
        assert refusals
    after = fold(plan, [*events, _event("next", plan, number, 12, body)], terms, through=day(LAST))
    if not refusals:
        assert after.status is not PlanStatus.AGREED


@given(body=BODIES.filter(lambda body: not isinstance(body, int)))
def test_a_body_is_read_back_as_it_was_written(body: Body) -> None:
    assert body_of(event_kind(body), tree_of(body)) == body
