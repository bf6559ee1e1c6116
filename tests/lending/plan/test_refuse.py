"""Why a plan does not take an event: each reason by its code, and what would have been possible."""

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from ledger.money import Currency, Money
from lending.plan.event import (
    KINDS,
    Body,
    Cancelled,
    CashBack,
    ChargedOff,
    ClaimLost,
    ClaimOpened,
    ClaimWon,
    CreditApplied,
    CreditRefunded,
    Disputed,
    DisputeSettled,
    FeeCharged,
    FeeKind,
    FeeWaived,
    Forbearance,
    Frozen,
    Goodwill,
    Held,
    Holiday,
    InterestWaived,
    Opened,
    Paid,
    PaidOff,
    PartShipped,
    PaymentChannel,
    Recovered,
    Refunded,
    RefundPaid,
    Rescheduled,
    Returned,
    Reversed,
    Route,
    Unfrozen,
    WrittenOff,
)  # fmt: skip
from lending.plan.refusal import PlanRefusalCode as Code
from lending.plan.refuse import TAKEN_IN, refuse
from lending.schedule.business_days import BusinessDays
from lending.schedule.due import Due
from lending.terms.servicing_terms import LateFees, ServicingTerms
from tests.lending.courses import LATE, Course, a_purchase, day
from tests.lending.plans import pounds

TWENTY, NOTHING = pounds("20.00"), pounds("0.00")


def _held(currency: Currency) -> Held:
    nothing = Money.zero(currency)
    return Held("F12a:a", nothing, nothing, Money(20_00, currency))


def codes(course: Course, body: Body, *, on: int = 50) -> list[Code]:
    """The reasons against something that would happen on a day."""
    state = course.state(on)
    event = Course(course.plan).then(on, body)
    return [reason.code for reason in refuse(state, event)]


def a_running_course() -> Course:
    """Instalment 0 is paid and its payment is being claimed back; 20.00 is in dispute with the merchant."""
    course = Course(terms=LATE).open()
    payment = course.collect(0, "30.00", event_id="paid", payment_id="a-1")
    course.then(3, ClaimOpened("claim", payment.event_id, Route.CARD, "bureau"))
    course.then(4, Disputed("dispute", TWENTY))
    return course


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (Goodwill(Money(20, Currency.EUR)), Code.OTHER_CURRENCY),
        (Goodwill(NOTHING), Code.NOT_POSITIVE),
        (Goodwill(-TWENTY), Code.NOT_POSITIVE),
        (Opened(TWENTY), Code.NOT_IN_THIS_STATUS),
        (Recovered(TWENTY, PaymentChannel.SHOPPER, "x", "psp"), Code.NOT_IN_THIS_STATUS),
        (PartShipped(TWENTY, 2), Code.BEYOND_THE_ORDER),
        (Cancelled(), Code.BEYOND_THE_ORDER),
        (Paid(TWENTY, PaymentChannel.SHOPPER, "x", "psp", instalment_id="p-d-1/9"), Code.UNKNOWN_INSTALMENT),
        (Paid(TWENTY, PaymentChannel.ATTEMPT, "x", "bureau"), Code.INCOMPLETE),
        (PaidOff(TWENTY, PaymentChannel.CREDIT, "x"), Code.INCOMPLETE),
        (Paid(TWENTY, PaymentChannel.CREDIT, "x"), Code.BEYOND_THE_CREDIT),
        (CreditApplied(TWENTY, "p-other"), Code.BEYOND_THE_CREDIT),
        (CreditRefunded("rf", TWENTY), Code.BEYOND_THE_CREDIT),
        (Returned("unknown", "r"), Code.UNKNOWN_PAYMENT),
        (Reversed("unknown"), Code.UNKNOWN_EVENT),
        (Reversed("opened"), Code.NOT_REVERSIBLE),
        (Refunded("rf", pounds("70.01")), Code.BEYOND_THE_PURCHASE),
        (Refunded("rf", TWENTY, pounds("19.01")), Code.BEYOND_THE_MERCHANTS_SHARE),
        (RefundPaid("rf", TWENTY), Code.BEYOND_THE_REFUND),
        (Disputed("case", pounds("70.01")), Code.BEYOND_THE_PURCHASE),
        (Disputed("claim", TWENTY), Code.ID_TAKEN),
        (DisputeSettled("claim", for_shopper=True), Code.UNKNOWN_CASE),
        (ClaimOpened("again", "paid", Route.CARD, "bureau"), Code.CASE_OPEN),
        (ClaimOpened("claim", "unknown", Route.CARD, "bureau"), Code.UNKNOWN_PAYMENT),
        (ClaimWon("claim", CashBack.BANK), Code.INCOMPLETE),
        (ClaimLost("dispute"), Code.UNKNOWN_CASE),
        (FeeCharged("p-d-1/1/late", TWENTY), Code.ID_TAKEN),
        (FeeCharged("f", TWENTY, instalment_id="p-d-1/9"), Code.UNKNOWN_INSTALMENT),
        (FeeWaived("unknown"), Code.UNKNOWN_FEE),
        (FeeWaived("p-d-1/1/late", pounds("7.01")), Code.BEYOND_THE_FEE),
        (InterestWaived(TWENTY), Code.BEYOND_WHAT_IS_OWED),
        (Rescheduled((Due(3, day(90), TWENTY, NOTHING),)), Code.DUES_DO_NOT_REPAY),
        (Rescheduled((Due(2, day(90), pounds("40.00"), NOTHING),)), Code.ID_TAKEN),
        (Holiday(day(60), day(60)), Code.EMPTY_PERIOD),
        (Forbearance(day(60), day(59)), Code.EMPTY_PERIOD),
        (Unfrozen(), Code.NOT_IN_THIS_STATUS),
    ],
    ids=lambda value: value.value if isinstance(value, Code) else type(value).__name__,
)
def test_an_event_that_cannot_be_is_refused_with_its_reason(body: Body, code: Code) -> None:
    assert code in codes(a_running_course(), body)


@pytest.mark.parametrize(
    "body",
    [
        Paid(TWENTY, PaymentChannel.SHOPPER, "x", "psp"),
        Refunded("rf", pounds("70.00"), pounds("66.50")),
        Returned("paid", "r-1"),
        ClaimLost("claim"),
        DisputeSettled("dispute", for_shopper=True),
        FeeCharged("f", TWENTY),
        FeeWaived("p-d-1/1/late", pounds("7.00")),
        Rescheduled((Due(3, day(90), pounds("40.00"), NOTHING),)),
        Frozen("insolvency"),
        ChargedOff(),
        WrittenOff(),
    ],
    ids=lambda body: type(body).__name__,
)
def test_an_event_that_can_be_is_taken(body: Body) -> None:
    assert codes(a_running_course(), body) == []


def test_o08_the_refund_that_comes_second_is_refused_and_told_what_is_left() -> None:
    course = Course().open()
    course.then(5, Refunded("rf-1", pounds("60.00")))
    state = course.state(6)

    (refusal,) = refuse(state, course.then(6, Refunded("rf-2", pounds("30.01"))))
    assert str(refusal) == "beyond_the_purchase: 30.00 GBP of the purchase can still be refunded"


def test_o20_a_zero_in_the_input_is_refused() -> None:
    assert codes(Course().open(), Paid(NOTHING, PaymentChannel.SHOPPER, "x", "psp")) == [Code.NOT_POSITIVE]


def test_nothing_happens_to_a_plan_before_it_was_opened() -> None:
    course = Course().open()

    assert [reason.code for reason in refuse(course.state(5), course.then(-1, Goodwill(TWENTY)))] == [
        Code.BEFORE_OPENING
    ]


def test_a_payment_comes_back_once_and_only_by_a_rail() -> None:
    course = Course().open()
    by_transfer = course.then(1, Paid(TWENTY, PaymentChannel.TRANSFER, "line-1"))
    by_rail = course.collect(1, "10.00")
    course.bounce(2, by_rail)

    assert codes(course, Returned(by_transfer.event_id, "r")) == [Code.NOT_RETURNABLE]
    assert codes(course, Returned(by_rail.event_id, "r")) == [Code.ALREADY_RETURNED]


def test_a_case_is_decided_once() -> None:
    course = a_running_course()
    course.then(10, ClaimWon("claim"))
    course.then(11, ClaimOpened("larger", "paid", Route.CARD, "bureau"))

    assert codes(course, ClaimLost("claim")) == [Code.CASE_CLOSED]
    assert codes(course, ClaimOpened("third", "paid", Route.CARD, "bureau", pounds("30.01"))) == [
        Code.CASE_OPEN,
        Code.BEYOND_THE_PAYMENT,
    ]


def test_a_late_fee_by_hand_keeps_to_the_caps() -> None:
    course = Course(terms=ServicingTerms(late_fees=LateFees(cap_per_order=pounds("12.00")))).open()
    course.then(1, FeeCharged("f-1", pounds("5.00")))

    assert codes(course, FeeCharged("f-2", pounds("7.01"))) == [Code.FEE_BEYOND_CAP]
    assert codes(course, FeeCharged("f-2", pounds("7.00"))) == []
    assert codes(course, FeeCharged("f-2", pounds("7.01"), FeeKind.RETURN)) == []


def test_a_plan_without_a_merchant_has_no_goods_to_refund() -> None:
    course = Course(a_purchase(merchant_id=None, merchant_discount=NOTHING)).open()

    assert codes(course, Refunded("rf", TWENTY)) == [Code.NO_MERCHANT]


@pytest.mark.parametrize(
    "body",
    [FeeCharged("f", TWENTY), InterestWaived(TWENTY), Holiday(day(1), day(2)), ChargedOff()],
    ids=lambda body: type(body).__name__,
)
def test_a_debt_off_the_books_takes_no_fee_and_no_waiver_of_interest(body: Body) -> None:
    course = Course().open()
    course.then(40, ChargedOff())

    assert codes(course, body) == [Code.NOT_IN_THIS_STATUS]


def test_every_kind_of_event_says_when_it_is_taken() -> None:
    assert set(TAKEN_IN) == set(KINDS.values())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (Paid(TWENTY, PaymentChannel.ATTEMPT, "a", "bureau", "bacs", held=_held(Currency.EUR)), Code.OTHER_CURRENCY),
        (Rescheduled((Due(3, day(80), Money(20_00, Currency.EUR), NOTHING),)), Code.OTHER_CURRENCY),
        (Rescheduled((Due(3, date(2206, 5, 1), TWENTY, NOTHING),)), Code.OUT_OF_BOUNDS),
        (Holiday(date(1926, 1, 1), day(80)), Code.OUT_OF_BOUNDS),
        (Goodwill(Money(10**15 + 1, Currency.GBP)), Code.OUT_OF_BOUNDS),
    ],
)
def test_every_amount_and_day_inside_an_event_is_judged(body: Body, code: Code) -> None:
    assert code in codes(a_running_course(), body)


@pytest.mark.parametrize(("ahead", "taken"), [(0, True), (1, False), (365, False)])
def test_money_counts_from_no_later_day_than_it_is_known_on(ahead: int, taken: bool) -> None:
    """As on a line of which somebody mistyped the year."""
    course = a_running_course()
    event = Course(course.plan).then(50, Paid(TWENTY, PaymentChannel.SHOPPER, "a", "psp"), hour=9)
    mistyped = replace(event, value_date=day(50 + ahead))
    reasons = [reason.code for reason in refuse(course.state(50 + ahead), mistyped)]

    assert (Code.AHEAD_OF_ITS_TIME not in reasons) is taken


def test_a_day_counts_once_it_has_begun_where_the_plan_is() -> None:
    """At 23:30 UTC on a summer day it is the next day in London."""
    course = a_running_course()
    course.terms = replace(course.terms, days=BusinessDays(ZoneInfo("Europe/London")))
    number = 180  # 9 July
    event = Course(course.plan).then(number, Paid(TWENTY, PaymentChannel.SHOPPER, "a", "psp"), hour=23)
    late = replace(event, recorded_at=event.recorded_at.replace(minute=30), value_date=day(number + 1))

    assert Code.AHEAD_OF_ITS_TIME not in [reason.code for reason in refuse(course.state(number + 1), late)]
