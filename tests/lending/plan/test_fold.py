"""The orders of events that break products, O01 to O21 of `tests/scenarios`, and the rules around them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import permutations

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
    DuesMoved,
    Extended,
    FeeCharged,
    FeeKind,
    FeeWaived,
    Forbearance,
    Frozen,
    Goodwill,
    Held,
    Holiday,
    InterestPaused,
    InterestWaived,
    Opened,
    Paid,
    PaidOff,
    PartShipped,
    PaymentChannel,
    RateChanged,
    ReAged,
    ReAmortised,
    Recovered,
    Refunded,
    RefundPaid,
    Rescheduled,
    Returned,
    Reversed,
    Route,
    Terminated,
    Unfrozen,
    WrittenOff,
    event_kind,
)  # fmt: skip
from lending.plan.fold import fold
from lending.plan.plan import ForeignPurchase, Instalment, Origin, PlanFault, PlanStatus
from lending.schedule.due import Due
from lending.schedule.due_dates import Unit
from lending.terms.servicing_terms import DiscountEarning, LateFees, LateInterest, RefundPlacing, ServicingTerms
from tests.lending.courses import (
    LATE,
    Course,
    a_purchase,
    balance,
    booked,
    day,
    held,
    open_amounts,
    the_books_agree,
)  # fmt: skip
from tests.lending.plans import OPENED_ON, a_plan, pounds


def an_interest_course(**changes: object) -> Course:
    return Course(a_plan("1000.00", months=12, rate=1200, **changes)).open()


def paid_on_time(course: Course) -> Course:
    for each in course.plan.instalments:
        number = (each.due_on - OPENED_ON).days
        course.collect(number, str(each.amount).split()[0], each.number)
    return course


# ── opening, shipping, cancelling ───────────────────────────────────────────────────────────────────────────────────


def test_a_purchase_is_booked_as_it_is_captured() -> None:
    course = Course().open()
    state = course.state(0)

    assert booked(state, course.events[0])["F02"] == {"payable": "85.50", "discount": "4.50"}
    assert state.status is PlanStatus.OPEN
    the_books_agree(state)


def test_the_tax_on_the_discount_is_taken_from_the_merchants_share() -> None:
    course = Course(a_purchase(tax=pounds("0.90"))).open()

    expected = {"payable": "84.60", "discount": "4.50", "tax": "0.90"}
    assert booked(course.state(0), course.events[0])["F02t"] == expected


def test_a_plan_that_was_taken_over_opens_with_its_balance() -> None:
    course = Course(a_purchase(origin=Origin.IMPORTED, merchant_id=None, merchant_discount=pounds("0.00"))).open()

    assert booked(course.state(0), course.events[0]) == {"F48": {"principal": "90.00"}}


def test_a_loan_without_a_merchant_is_granted() -> None:
    course = Course(a_purchase(merchant_id=None, merchant_discount=pounds("0.00"))).open()

    assert booked(course.state(0), course.events[0]) == {"F47": {"granted": "90.00"}}


def test_an_order_cancelled_before_capture_has_no_journal() -> None:
    course = Course()
    assert course.state(0).status is PlanStatus.AGREED
    course.then(0, Cancelled())

    assert course.state(0).status is PlanStatus.CANCELLED
    assert course.state(0).bookings == ()


def test_o16_part_of_the_order_is_captured_and_the_rest_cancelled() -> None:
    course = Course()
    course.then(0, Opened(pounds("50.00")))
    course.then(3, PartShipped(pounds("10.01"), 2))
    course.then(9, Cancelled())
    course.then(10, PartShipped(pounds("29.99"), 3))
    state = course.state(10)

    assert [booking.entry_id for booking in state.bookings] == ["F02:m-1/o-1/1", "F02:m-1/o-1/2"]
    assert open_amounts(state) == ["16.67", "21.68", "21.66"]  # the second shipment falls on what is to come
    assert (state.captured, state.uncaptured) == (pounds("60.01"), pounds("0.00"))
    the_books_agree(state)


# ── paying ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("course", [Course().open(), an_interest_course()], ids=["pay in 3", "monthly with interest"])
def test_paying_the_dues_on_time_costs_no_fee_and_closes_the_plan_on_its_last_day(course: Course) -> None:
    course.terms = LATE
    last = (paid_on_time(course).plan.instalments[-1].due_on - OPENED_ON).days

    assert course.state(last - 1).status is PlanStatus.OPEN
    state = course.state(last)
    assert state.status is PlanStatus.PAID
    assert state.fees == {}
    interest = Money.total((each.interest for each in course.plan.instalments), Currency.GBP)
    assert -balance(state, "inc:interest") == interest
    assert state.discount_earned == course.plan.merchant_discount
    the_books_agree(state)


def test_interest_accrues_day_by_day_and_sums_to_the_schedule() -> None:
    course = an_interest_course()
    accruals = [booking for booking in course.state(400).bookings if booking.flow == "F17"]

    assert [booking.key for booking in accruals[:2]] == ["p-d-1/2026-01-11", "p-d-1/2026-01-12"]
    first_month = [each.amounts["interest"].minor for each in accruals if each.value_date <= date(2026, 2, 10)]
    assert sum(first_month) == course.plan.instalments[0].interest.minor == 1019
    assert max(first_month) - min(first_month) <= 1
    assert accruals[-1].value_date == course.plan.instalments[-1].due_on


def test_only_the_accruals_after_a_day_are_listed_and_the_plan_stands_the_same() -> None:
    course = paid_on_time(an_interest_course())
    whole, since = course.state(100), course.state(100, accrued_from=day(90))

    assert {each.value_date for each in since.bookings if each.flow == "F17"} == {day(n) for n in range(91, 101)}
    assert replace(since, bookings=()) == replace(whole, bookings=())


def test_a_late_payment_costs_no_more_interest() -> None:
    course = an_interest_course()
    course.collect(500, "1065.89")
    interest = Money.total((each.interest for each in course.plan.instalments), Currency.GBP)

    assert -balance(course.state(500), "inc:interest") == interest


def test_a_late_payment_costs_interest_where_the_terms_say_so() -> None:
    course = an_interest_course()
    course.terms = ServicingTerms(late_interest=LateInterest.UNTIL_PAID)
    agreed = Money.total((each.interest for each in course.plan.instalments), Currency.GBP)

    assert -balance(course.state(365), "inc:interest") == pounds("120.00")  # 12 % of 1,000.00, nothing repaid
    assert -balance(course.state(365), "inc:interest") > agreed
    the_books_agree(course.state(500))


def test_the_discount_is_earned_with_what_is_repaid_and_given_back_with_a_return() -> None:
    course = Course().open()
    first = course.collect(0, "10.01")
    course.collect(1, "19.99")
    course.bounce(2, first)
    state = course.state(2)

    assert [
        {name: amount.minor for name, amount in booking.amounts.items()}
        for booking in state.bookings
        if booking.flow == "F05"
    ] == [{"earned": 50}, {"earned": 100}, {"given_back": 50}]
    the_books_agree(state)


def test_the_discount_may_be_earned_at_capture() -> None:
    course = Course(terms=ServicingTerms(discount_earning=DiscountEarning.CAPTURED)).open()

    assert course.state(0).discount_earned == pounds("4.50")


def test_a_payoff_quote_charges_the_interest_accrued_so_far_and_paid_on_its_day_closes_the_plan() -> None:
    course = an_interest_course()
    course.collect(31, str(course.plan.instalments[0].amount).split()[0], 1)
    quote = course.state(31).payoff(day(40))
    payoff = course.then(40, PaidOff(quote.amount, PaymentChannel.SHOPPER, "pay-off", "psp"))
    state = course.state(40)

    assert quote.interest == pounds("2.73")  # 9 of 28 days
    assert state.status is PlanStatus.PAID
    assert booked(state, payoff)["F18"]["interest"] == "2.73"
    assert [account for account in ("plan:principal", "plan:interest_rcv") if balance(state, account).minor] == []
    assert course.state(400).bookings == state.bookings
    the_books_agree(state)


def test_an_early_payoff_earns_the_rest_of_the_discount() -> None:
    course = Course().open()
    course.then(1, PaidOff(pounds("90.00"), PaymentChannel.SHOPPER, "pay-off", "psp"))

    assert course.state(1).discount_earned == pounds("4.50")


def test_less_than_the_quote_is_a_payment_like_any_other() -> None:
    course = an_interest_course()
    course.then(0, PaidOff(pounds("999.99"), PaymentChannel.SHOPPER, "pay-off", "psp"))

    assert course.state(0).status is PlanStatus.OPEN
    assert open_amounts(course.state(0))[0] == "0.00"


def test_o10_the_quote_leaves_out_what_is_being_collected_and_both_may_arrive() -> None:
    course = Course().open()
    course.collect(0, "30.00", 0)
    quote = course.state(29).payoff(day(29), in_flight=pounds("30.00"))
    assert quote.amount == pounds("30.00")

    course.then(29, PaidOff(quote.amount, PaymentChannel.SHOPPER, "pay-off", "psp", in_flight=quote.in_flight))
    course.collect(30, "30.00", 1, held=held("a-1", "30.00"))
    assert course.state(30).status is PlanStatus.PAID

    late = course.then(31, PaidOff(pounds("60.00"), PaymentChannel.SHOPPER, "again", "psp"))
    state = course.state(31)
    assert booked(state, late) == {"F20": {"credit_balance": "60.00"}}
    the_books_agree(state)


def test_o06_a_return_after_the_payoff_opens_the_plan_again_with_its_interest_to_come() -> None:
    course = an_interest_course()
    before = course.state(40)
    quote = before.payoff(day(40))
    payoff = course.then(40, PaidOff(quote.amount, PaymentChannel.ATTEMPT, "pay-off", "bureau", "bacs"))
    course.bounce(43, payoff)
    state = course.state(43)

    assert state.status is PlanStatus.OPEN
    assert open_amounts(state) == open_amounts(before)
    assert state.days_past_due(day(43)) == 12
    the_books_agree(state)


# ── late fees ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "fees"),
    [
        pytest.param(37, [], id="the last day of the grace"),
        pytest.param(38, ["p-d-1/1/late"], id="the day after"),
        pytest.param(67, ["p-d-1/1/late"], id="once"),
        pytest.param(68, ["p-d-1/1/late", "p-d-1/2/late"], id="and for the next instalment"),
    ],
)
def test_a_late_fee_is_charged_once_for_an_instalment_and_never_within_the_grace(number: int, fees: list[str]) -> None:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00")
    state = course.state(number)

    assert [booking.key for booking in state.bookings if booking.flow == "F15"] == fees
    assert state.open_fees == pounds("7.00") * len(fees)
    the_books_agree(state)


def test_late_fees_keep_to_their_caps() -> None:
    per_order = LateFees(LATE.late_fees.rules, cap_per_order=pounds("10.00"))
    per_instalment = LateFees(LATE.late_fees.rules, cap_per_instalment=pounds("5.00"))
    of_the_order = LateFees(LATE.late_fees.rules, cap_of_order_basis_points=1000)
    courses = [
        Course(terms=ServicingTerms(late_fees=fees)).open() for fees in (per_order, per_instalment, of_the_order)
    ]

    assert [str(course.state(100).late_fees) for course in courses] == ["10.00 GBP", "15.00 GBP", "9.00 GBP"]


def test_o11_a_backdated_payment_that_cures_makes_the_fee_fall_away() -> None:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00")
    assert course.state(40).open_fees == pounds("7.00")

    course.collect(30, "30.00", channel=PaymentChannel.TRANSFER)
    state = course.state(40)
    assert state.fees == {}
    assert state.open_fees == pounds("0.00")


def test_o12_when_the_backdated_payment_is_reversed_the_fee_is_there_again() -> None:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00")
    before = course.state(40)
    backdated = course.collect(30, "30.00", channel=PaymentChannel.TRANSFER)
    course.then(39, Reversed(backdated.event_id))

    assert course.state(40) == before


def test_o13_a_waiver_and_then_the_return_of_the_payment_that_had_paid_the_fee() -> None:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00")
    payment = course.collect(40, "37.00")
    waiver = course.then(41, FeeWaived("p-d-1/1/late"))
    assert booked(course.state(41), waiver) == {"F16b": {"credit_balance": "7.00"}}

    come_back = course.bounce(42, payment)
    state = course.state(42)
    assert booked(state, come_back)["F13b"] == {"credit_balance": "7.00", "principal": "30.00"}
    assert state.open_fees == pounds("0.00")
    the_books_agree(state)


def test_o13_a_waiver_and_then_the_reversal_of_that_payment() -> None:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00")
    payment = course.collect(40, "37.00")
    waiver = course.then(41, FeeWaived("p-d-1/1/late"))
    course.then(42, Reversed(payment.event_id))
    state = course.state(42)

    assert booked(state, waiver) == {"F16a": {"fees": "7.00"}}
    assert open_amounts(state) == ["0.00", "30.00", "30.00"]
    the_books_agree(state)


def test_the_waiver_of_a_fee_that_fell_away_is_an_event_without_a_journal() -> None:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00")
    waiver = course.then(41, FeeWaived("p-d-1/1/late"))
    course.collect(30, "30.00")

    assert booked(course.state(42), waiver) == {}


def test_o19_a_fee_of_the_day_is_there_before_the_payment_of_the_day() -> None:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00")
    payment = course.collect(38, "37.00")
    state = course.state(38)

    assert booked(state, payment)["F19a"] == {"fees": "7.00", "principal": "30.00"}
    assert [booking.flow for booking in state.bookings][-3:] == ["F15", "F19a", "F05"]


def test_the_days_of_a_pause_are_grace() -> None:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00")
    course.then(31, Forbearance(day(32), day(42)))

    assert course.state(47).fees == {}
    assert list(course.state(48).fees) == ["p-d-1/1/late"]


def test_what_is_disputed_costs_no_late_fee_and_has_its_grace_once_it_is_decided() -> None:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00")
    course.then(5, Disputed("case-1", pounds("60.00")))
    course.then(50, DisputeSettled("case-1", for_shopper=False))

    assert course.state(57).fees == {}
    assert list(course.state(58).fees) == ["p-d-1/1/late"]


def test_a_return_gives_the_grace_again() -> None:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00")
    payment = course.collect(30, "30.00")
    course.bounce(50, payment)

    assert course.state(57).fees == {}
    assert list(course.state(58).fees) == ["p-d-1/1/late"]


def test_a_returned_payments_cost_is_passed_on() -> None:
    course = Course().open()
    fee = course.then(3, FeeCharged("cost-1", pounds("2.50"), FeeKind.RETURN, "p-d-1/1"))
    state = course.state(3)

    assert booked(state, fee) == {"F13c": {"recharged": "2.50"}}
    assert state.late_fees == pounds("0.00")
    the_books_agree(state)


def test_accrued_interest_can_be_waived() -> None:
    course = an_interest_course()
    waiver = course.then(31, InterestWaived(pounds("4.00")))
    state = course.state(31)

    assert booked(state, waiver) == {"F17w": {"interest": "4.00"}}
    assert state.payoff(day(31)).interest == pounds("6.19")
    the_books_agree(state)


# ── refunds ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("receivable", "flow", "side"),
    [
        pytest.param("0.00", "F21a", {"payable": "85.50"}, id="before the settlement"),
        pytest.param("85.50", "F21b", {"receivable": "85.50"}, id="after it"),
        pytest.param("40.00", "F22", {"payable": "45.50", "receivable": "40.00"}, id="in between"),
    ],
)
def test_o01_a_full_refund_takes_the_merchants_share_back_where_it_is(
    receivable: str, flow: str, side: dict[str, str]
) -> None:
    course = Course().open()
    course.collect(0, "30.00")
    refund = course.then(5, Refunded("rf-1", pounds("90.00"), pounds(receivable)))
    state = course.state(5)

    discount = {"discount": "3.00", "earned_discount": "1.50"}
    assert booked(state, refund)[flow] == side | discount | {"principal": "60.00", "refund": "30.00"}
    assert state.status is PlanStatus.REFUNDED
    assert state.discount_earned == pounds("0.00")
    the_books_agree(state)


def test_a_refund_of_a_taxed_purchase_gives_the_tax_back() -> None:
    course = Course(a_purchase(tax=pounds("0.90"))).open()
    refund = course.then(5, Refunded("rf-1", pounds("45.00")))

    expected = {"payable": "42.30", "discount": "2.25", "tax": "0.45", "principal": "45.00"}
    assert booked(course.state(5), refund)["F22"] == expected


@pytest.mark.parametrize(
    ("placing", "left"),
    [
        (RefundPlacing.LAST_FIRST, ["30.00", "15.00", "0.00"]),
        (RefundPlacing.PRO_RATA, ["15.00", "15.00", "15.00"]),
        (RefundPlacing.REAMORTISE, ["30.00", "7.50", "7.50"]),
    ],
)
def test_a_part_refund_is_placed_as_the_terms_say(placing: RefundPlacing, left: list[str]) -> None:
    course = Course(terms=ServicingTerms(refund_placing=placing)).open()
    course.then(5, Refunded("rf-1", pounds("45.00")))
    state = course.state(5)

    assert open_amounts(state) == left
    the_books_agree(state)


def test_o02_what_is_refunded_beyond_the_outstanding_is_payable() -> None:
    course = Course().open()
    course.collect(1, "80.00")
    refund = course.then(5, Refunded("rf-1", pounds("45.00")))
    state = course.state(5)

    assert booked(state, refund)["F22"]["principal"] == "10.00"
    assert state.refunds_payable == pounds("35.00")
    assert state.discount_earned == pounds("2.25")
    the_books_agree(state)


def test_two_refunds_share_the_discount_to_the_unit() -> None:
    course = Course(a_plan("100.00")).open()
    parts = [course.then(5 + n, Refunded(f"rf-{n}", pounds(amount))) for n, amount in enumerate(("33.33", "66.67"))]
    state = course.state(9)

    assert [booked(state, part)["F22"]["payable"] for part in parts] == ["31.66", "63.34"]
    assert balance(state, "merchant:payable") == pounds("0.00")
    the_books_agree(state)


def test_o03_a_refund_after_a_charge_back_withholds_what_is_in_dispute() -> None:
    course = Course().open()
    payment = course.collect(0, "30.00", 0, channel=PaymentChannel.CHECKOUT)
    course.then(10, ClaimOpened("cb-1", payment.event_id, Route.CARD, "bureau", chargeback_fee=pounds("15.00")))
    refund = course.then(12, Refunded("rf-1", pounds("90.00")))
    state = course.state(12)

    assert booked(state, refund)["F21a"]["credit_balance"] == "30.00"
    assert (state.withheld, state.refunds_payable) == (pounds("30.00"), pounds("0.00"))
    the_books_agree(state)

    won = course.then(40, ClaimWon("cb-1"))
    state = course.state(40)
    assert booked(state, won) == {"F26b": {"claim": "30.00"}, "F19b": {"refund": "30.00"}}
    assert (state.withheld, state.refunds_payable) == (pounds("0.00"), pounds("30.00"))
    the_books_agree(state)


def test_o03_when_the_charge_back_stands_the_shopper_has_the_money_from_their_bank() -> None:
    course = Course().open()
    payment = course.collect(0, "30.00", 0, channel=PaymentChannel.CHECKOUT)
    course.then(10, ClaimOpened("cb-1", payment.event_id, Route.CARD, "bureau"))
    course.then(12, Refunded("rf-1", pounds("90.00")))
    lost = course.then(40, ClaimLost("cb-1"))
    state = course.state(40)

    assert booked(state, lost) == {"F26c": {"credit_balance": "30.00"}}
    assert (state.owed, state.credit_balance, state.refunds_payable) == (pounds("0.00"),) * 3
    the_books_agree(state)


@pytest.mark.parametrize(("refund_left", "owed"), [(False, "0.00"), (True, "30.00")])
def test_o04_a_charge_back_after_the_refund(*, refund_left: bool, owed: str) -> None:
    course = Course().open()
    payment = course.collect(0, "30.00", 0, channel=PaymentChannel.CHECKOUT)
    course.then(5, Refunded("rf-1", pounds("90.00")))
    if refund_left:
        course.then(6, RefundPaid("rf-1", pounds("30.00")))
    course.then(10, ClaimOpened("cb-1", payment.event_id, Route.CARD, "bureau"))
    assert course.state(10).refunds_payable == pounds("0.00")
    course.then(40, ClaimLost("cb-1"))
    state = course.state(40)

    assert state.owed == pounds(owed)
    assert state.withheld == pounds("0.00")


def test_o05_a_charge_back_on_the_down_payment_opens_instalment_0_again() -> None:
    course = Course().open()
    payment = course.collect(0, "30.00", 0, channel=PaymentChannel.CHECKOUT)
    course.then(10, ClaimOpened("cb-1", payment.event_id, Route.CARD, "bureau"))
    assert open_amounts(course.state(10)) == ["0.00", "30.00", "30.00"]
    lost = course.then(40, ClaimLost("cb-1"))
    state = course.state(40)

    assert booked(state, lost) == {"F26c": {"principal": "30.00"}}
    assert open_amounts(state) == ["30.00", "30.00", "30.00"]
    the_books_agree(state)


def test_o08_two_refunds_stand_in_either_order_while_they_stay_within_the_purchase() -> None:
    one, other = Course().open(), Course().open()
    for course, refunds in ((one, ("60.00", "30.00")), (other, ("30.00", "60.00"))):
        course.collect(0, "30.00")
        for number, amount in enumerate(refunds):
            course.then(5 + number, Refunded(f"rf-{number}", pounds(amount)))
    states = [course.state(7) for course in (one, other)]

    assert [state.refundable_rest for state in states] == [pounds("0.00")] * 2
    assert [state.refunds_payable for state in states] == [pounds("30.00")] * 2
    for state in states:
        the_books_agree(state)


def test_o09_a_refund_while_a_collection_is_in_flight() -> None:
    course = Course().open()
    course.collect(0, "30.00", 0)
    refund = course.then(29, Refunded("rf-1", pounds("90.00"), in_flight=pounds("30.00")))
    state = course.state(29)
    expected = {"principal": "30.00", "credit_balance": "30.00", "refund": "30.00"}
    assert {name: booked(state, refund)["F21a"][name] for name in expected} == expected
    assert open_amounts(state) == ["0.00", "30.00", "0.00"]

    rejected = replace(course, events=[*course.events])
    rejected.then(30, Paid(pounds("30.00"), PaymentChannel.CREDIT, "c-1"))  # the hold is void: the credit pays the rest
    assert rejected.state(30).status is PlanStatus.REFUNDED
    the_books_agree(rejected.state(30))

    course.collect(30, "30.00", 1, held=held("a-1", "30.00"))
    course.then(30, CreditRefunded("rf-2", pounds("30.00")), hour=13)  # the hold is posted: the credit is paid out
    assert course.state(30).refunds_payable == pounds("60.00")
    the_books_agree(course.state(30))


def test_the_interest_on_refunded_goods_is_given_back_and_less_is_to_come() -> None:
    course = an_interest_course()
    course.collect(31, str(course.plan.instalments[0].amount).split()[0], 1)
    refund = course.then(45, Refunded("rf-1", pounds("500.00")))
    state = course.state(45)

    # Without 500.00 of goods, 5.10 and not 10.19; the payment would have repaid 5.09 more, so 1.92 and not 4.24: 7.41.
    # 4.24 of what has accrued is not paid yet.
    assert booked(state, refund)["F23"] == {"interest": "4.24", "principal": "3.17"}
    assert balance(state, "inc:interest") == pounds("-7.02")
    the_books_agree(state)
    later = course.state(500)
    assert [str(each.open_interest) for each in later.instalments[1:3]] == [
        "1.92 GBP",
        "3.44 GBP",
    ]  # 418 of 921 are left, and the instalments stay as they were
    the_books_agree(later)


def test_a_full_refund_leaves_no_interest() -> None:
    course = an_interest_course()
    course.collect(31, str(course.plan.instalments[0].amount).split()[0], 1)
    course.then(45, Refunded("rf-1", pounds("1000.00")))
    state = course.state(400)

    assert state.status is PlanStatus.REFUNDED
    assert balance(state, "inc:interest") == pounds("0.00")
    assert state.refunds_payable == course.plan.instalments[0].amount
    the_books_agree(state)


def test_a_refund_after_the_plan_closed_is_all_payable() -> None:
    course = paid_on_time(Course().open())
    course.then(70, Refunded("rf-1", pounds("45.00"), pounds("42.75")))
    state = course.state(70)

    assert state.refunds_payable == pounds("45.00")
    assert state.status is PlanStatus.PAID
    the_books_agree(state)


def test_o17_a_purchase_in_another_currency_is_refunded_at_the_rate_of_the_purchase() -> None:
    at = datetime(2026, 1, 10, tzinfo=UTC)
    foreign = ForeignPurchase(Money(100_00, Currency.EUR), pounds("0.50"), "1.1765", "ecb", at)
    course = Course(a_purchase(foreign=foreign)).open()
    refund = course.then(20, Refunded("rf-1", pounds("45.00"), Money(0, Currency.EUR)))
    state = course.state(20)

    expected = {"converted": "85.00", "discount": "4.50", "spread": "0.50", "payable": "100.00"}
    assert booked(state, course.events[0])["F40"] == expected
    expected = {"converted": "42.75", "discount": "2.25", "principal": "45.00", "payable": "50.00"}
    assert booked(state, refund)["F40r"] == expected
    assert balance(state, "merchant:payable", Currency.EUR) == Money(-50_00, Currency.EUR)
    assert balance(state, "fx:EUR", Currency.EUR) == Money(50_00, Currency.EUR)
    the_books_agree(state)


# ── disputes and claims ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("for_shopper", [True, False])
def test_a_dispute_with_the_merchant_waits_and_is_decided(*, for_shopper: bool) -> None:
    course = Course().open()
    course.collect(0, "30.00")
    opened = course.then(5, Disputed("case-1", pounds("45.00"), pounds("20.00")))
    settled = course.then(25, DisputeSettled("case-1", for_shopper=for_shopper))
    state = course.state(25)

    assert booked(state, opened) == {"F27a": {"payable": "22.75", "receivable": "20.00"}}
    if for_shopper:
        expected = {"provisional": "42.75", "discount": "2.25", "principal": "45.00"}
        assert booked(state, settled)["F27b"] == expected
        assert state.refundable_rest == pounds("45.00")
    else:
        assert booked(state, settled) == {"F27b": {"payable": "22.75", "receivable": "20.00"}}
        assert state.refundable_rest == pounds("90.00")
    assert balance(state, "dispute:provisional") == pounds("0.00")
    assert state.disputed == pounds("0.00")
    the_books_agree(state)


def test_a_late_claim_on_a_direct_debit_leaves_the_debt_until_it_is_decided() -> None:
    course = Course().open()
    payment = course.collect(0, "30.00", 0)
    opened = course.then(10, ClaimOpened("ic-1", payment.event_id, Route.DIRECT_DEBIT, "bureau"))
    lost = course.then(24, ClaimLost("ic-1"))
    state = course.state(24)

    assert booked(state, opened) == {"F14a": {"claim": "30.00"}}
    assert booked(state, lost) == {"F14c": {"principal": "30.00"}}
    the_books_agree(state)


@pytest.mark.parametrize(
    ("cash_back", "name"),
    [(CashBack.WITHDRAWN, "withdrawn"), (CashBack.BANK, "cash"), (CashBack.NETTED, "netted")],
)
def test_a_claim_that_is_won_is_closed_as_its_cash_came_back(cash_back: CashBack, name: str) -> None:
    course = Course().open()
    payment = course.collect(0, "30.00", 0)
    course.then(10, ClaimOpened("ic-1", payment.event_id, Route.DIRECT_DEBIT, "bureau"))
    won = course.then(24, ClaimWon("ic-1", cash_back, "main"))

    assert booked(course.state(24), won) == {"F14d": {name: "30.00"}}


def test_a_charge_back_that_is_lost_and_paid_again_equals_none() -> None:
    never, course = paid_on_time(an_interest_course()).state(400), paid_on_time(an_interest_course())
    course.then(100, ClaimOpened("cb-1", course.events[3].event_id, Route.CARD, "bureau"))
    course.then(101, ClaimLost("cb-1"))
    course.collect(102, str(course.plan.instalments[2].amount).split()[0], 3)
    back = course.state(400)

    for account in ("plan:principal", "plan:interest_rcv", "inc:interest", "shopper:credit_balance"):
        assert balance(back, account) == balance(never, account)
    assert (back.status, back.owed) == (never.status, never.owed)


def test_a_claim_that_stands_after_the_last_due_is_an_instalment_of_its_own() -> None:
    course = paid_on_time(Course().open())
    course.then(90, ClaimOpened("cb-1", course.events[1].event_id, Route.CARD, "bureau"))
    course.then(100, ClaimLost("cb-1"))
    state = course.state(100)

    assert state.status is PlanStatus.OPEN
    assert [(each.number, each.due_on, str(each.open)) for each in state.instalments if each.open.minor] == [
        (3, day(114), "30.00 GBP")
    ]
    the_books_agree(state)


def test_a_fraud_is_ours_to_bear() -> None:
    course = Course().open()
    payment = course.collect(0, "30.00", 0)
    course.then(10, ClaimOpened("cb-1", payment.event_id, Route.CARD, "bureau"))
    lost = course.then(24, ClaimLost("cb-1", fraud=True))
    state = course.state(24)

    assert booked(state, lost) == {"F26d": {"claim": "30.00"}}
    assert state.fraud
    assert open_amounts(state)[0] == "0.00"
    the_books_agree(state)


# ── rescheduling ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_new_dues_take_over_what_is_open() -> None:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00")
    course.then(40, Rescheduled(tuple(Due(3 + n, day(50 + 30 * n), pounds("20.00"), pounds("0.00")) for n in range(3))))
    state = course.state(40)

    assert open_amounts(state) == ["0.00", "0.00", "27.00", "0.00", "20.00", "20.00"]
    assert (state.schedule_version, state.days_past_due(day(40))) == (2, 0)
    the_books_agree(state)


def test_lateness_goes_on_through_new_dues_where_the_terms_say_so() -> None:
    course = Course(terms=ServicingTerms(reschedule_resets_delinquency=False)).open()
    course.collect(0, "30.00")
    course.then(40, Rescheduled((Due(3, day(50), pounds("60.00"), pounds("0.00")),)))
    assert course.state(45).days_past_due(day(45)) == 15

    course.collect(50, "60.00")
    assert course.state(50).days_past_due(day(50)) == 0


def test_interest_and_fees_may_become_principal() -> None:
    course = an_interest_course()
    course.terms = LATE
    owed = course.state(40)
    principal = owed.outstanding + owed.payoff(day(40)).interest + owed.open_fees
    dues = tuple(Due(13 + n, day(70 + 30 * n), part, pounds("5.00")) for n, part in enumerate(principal.split(4)))
    event = course.then(40, Rescheduled(dues, capitalise_interest=True, capitalise_fees=True))
    state = course.state(40)

    assert booked(state, event) == {"F28": {"interest": "12.92", "fees": "7.00"}}
    assert state.outstanding == principal
    the_books_agree(state)
    done = course.state(300)
    assert -balance(done, "inc:interest") == pounds("32.92")
    the_books_agree(done)


def test_o15_a_re_age_with_an_open_dispute_moves_only_what_is_undisputed() -> None:
    course = Course().open()
    course.collect(0, "30.00")
    course.then(20, Disputed("case-1", pounds("20.00")))
    course.then(35, Rescheduled((Due(3, day(100), pounds("40.00"), pounds("0.00")),)))
    state = course.state(35)

    by_number = {each.number: (each.due_on, str(each.open), str(each.disputed)) for each in state.instalments}
    assert by_number[2] == (day(60), "20.00 GBP", "20.00 GBP")
    assert by_number[3] == (day(100), "40.00 GBP", "0.00 GBP")
    the_books_agree(state)

    course.then(70, DisputeSettled("case-1", for_shopper=False))
    assert course.state(70).collectable(day(70)).by_instalment == {"p-d-1/2": pounds("20.00")}


def test_a_backdated_payment_keeps_the_proportions_of_the_new_dues() -> None:
    course = Course().open()
    course.collect(0, "30.00")
    dues = (Due(3, day(50), pounds("40.00"), pounds("0.00")), Due(4, day(80), pounds("20.00"), pounds("0.00")))
    course.then(40, Rescheduled(dues))
    course.collect(39, "30.00")
    state = course.state(40)

    assert [str(each.open) for each in state.instalments if each.open.minor] == ["20.00 GBP", "10.00 GBP"]
    the_books_agree(state)


def test_a_holiday_moves_the_days_that_bear_interest_with_the_dues() -> None:
    course = an_interest_course()
    course.then(31, Holiday(day(35), day(65)))
    accrued = [course.state(number).instalments[1].accrued_interest for number in (31, 60, 89, 90)]

    assert accrued == [pounds("0.00"), pounds("4.24"), pounds("8.48"), pounds("8.48")]
    assert [course.state(number).instalments[2].accrued_interest.minor for number in (89, 90)] == [0, 28]


def test_interest_rests_in_a_pause_where_the_terms_say_so() -> None:
    course = an_interest_course()
    course.terms = ServicingTerms(interest_stops_in_pause=True)
    course.then(31, Forbearance(day(32), day(46)))
    state = course.state(59)

    assert {each.value_date for each in state.bookings if each.flow == "F17"} & {day(n) for n in range(32, 46)} == set()
    assert state.instalments[1].open_interest == pounds("4.24")  # half of the 28 days
    the_books_agree(state)


def test_a_freeze_rests_interest_until_it_ends_where_the_terms_say_so() -> None:
    course = an_interest_course()
    course.terms = ServicingTerms(interest_stops_in_pause=True)
    course.then(31, Frozen("bereavement"))
    assert balance(course.state(50), "inc:interest") == pounds("-10.19")

    course.then(45, Unfrozen())
    state = course.state(59)
    assert state.instalments[1].open_interest == pounds("4.24")
    assert balance(state, "inc:interest") == pounds("-14.43")
    the_books_agree(state)


# ── loss and recovery ───────────────────────────────────────────────────────────────────────────────────────────────


def a_charged_off_course() -> Course:
    course = Course(terms=LATE).open()
    course.collect(0, "30.00", 0, event_id="first")
    course.then(120, ChargedOff(allowance=pounds("10.00")), event_id="off")
    return course


def test_a_charge_off_takes_everything_off_the_books_and_keeps_what_is_owed() -> None:
    course = a_charged_off_course()
    state = course.state(200)
    off = next(booking for booking in state.bookings if booking.flow == "F30")

    amounts = {name: str(amount).split()[0] for name, amount in off.amounts.items()}
    assert amounts == {"allowance": "10.00", "charge_off": "50.00", "fees": "14.00", "still_owed": "74.00"}
    assert (state.status, state.owed) == (PlanStatus.CHARGED_OFF, pounds("74.00"))
    assert state.late_fees == pounds("14.00")
    the_books_agree(state)


def test_a_full_recovery_makes_good_what_was_charged_off() -> None:
    course = a_charged_off_course()
    recovery = course.then(
        130, Recovered(pounds("80.00"), PaymentChannel.SHOPPER, "x-1", "psp", commission=pounds("8.00"))
    )
    state = course.state(130)

    assert booked(state, recovery)["F32"] == {
        "captured": "80.00", "recovery": "74.00", "credit_balance": "6.00", "no_longer_owed": "74.00",
        "commission": "8.00",
    }  # fmt: skip
    assert state.status is PlanStatus.RECOVERED
    assert balance(state, "inc:recovery") == pounds("-74.00")
    the_books_agree(state)


def test_a_payment_after_the_charge_off_is_a_recovery() -> None:
    course = a_charged_off_course()
    payment = course.collect(130, "20.00", 1, held=Held("F12a:a-9", pounds("0.00"), pounds("0.00"), pounds("20.00")))
    state = course.state(130)

    assert list(booked(state, payment)) == ["F32"]
    assert next(each.voids for each in state.bookings if each.flow == "F32") == "F12a:a-9"
    assert state.discount_earned == pounds("2.15")  # 14.00 paid the fees, 6.00 of 60.00 was principal


def test_o07_a_return_after_the_charge_off() -> None:
    course = a_charged_off_course()
    come_back = course.bounce(130, course.events[1])
    state = course.state(130)

    assert booked(state, come_back) == {"F25d": {"charge_off": "30.00", "owed_again": "30.00"}}
    assert state.owed == pounds("104.00")
    the_books_agree(state)


def test_a_recovery_that_is_dated_before_the_charge_off_is_a_payment() -> None:
    course = Course().open()
    course.then(20, ChargedOff())
    course.then(10, Recovered(pounds("30.00"), PaymentChannel.SHOPPER, "r-1", "psp"))

    assert course.state(10).outstanding == pounds("60.00")
    assert course.state(20).charged_off == pounds("60.00")
    the_books_agree(course.state(20))


def test_a_recovery_that_comes_back_is_owed_again() -> None:
    course = a_charged_off_course()
    recovery = course.collect(130, "20.00")
    come_back = course.bounce(132, recovery)
    state = course.state(132)

    assert booked(state, come_back) == {"F25e": {"recovery": "20.00", "owed_again": "20.00"}}
    assert state.owed == pounds("74.00")
    the_books_agree(state)


def test_claims_after_the_charge_off_raise_what_is_owed() -> None:
    course = a_charged_off_course()
    recovery = course.collect(130, "20.00")
    for number, payment in enumerate((course.events[1], recovery)):
        course.then(140, ClaimOpened(f"cb-{number}", payment.event_id, Route.CARD, "bureau"))
    lost = [course.then(150 + number, ClaimLost(f"cb-{number}")) for number in range(2)]
    state = course.state(160)

    assert booked(state, lost[0]) == {"F25c": {"charge_off": "30.00", "owed_again": "30.00"}}
    assert booked(state, lost[1]) == {"F25f": {"recovery": "20.00", "owed_again": "20.00"}}
    assert state.owed == pounds("104.00")
    the_books_agree(state)


def test_o14_a_merchants_refund_after_the_charge_off_and_then_a_recovery() -> None:
    course = a_charged_off_course()
    refund = course.then(125, Refunded("rf-1", pounds("45.00"), pounds("42.75")))
    course.then(130, Recovered(pounds("29.00"), PaymentChannel.SHOPPER, "x-1", "psp"))
    state = course.state(130)

    assert booked(state, refund)["F25a"] == {
        "receivable": "42.75", "discount": "2.25", "charge_off": "45.00", "no_longer_owed": "45.00",
    }  # fmt: skip
    assert state.status is PlanStatus.RECOVERED
    the_books_agree(state)


def test_goodwill_pays_for_the_shopper_on_the_books_and_off_them() -> None:
    course = Course().open()
    given = course.then(1, Goodwill(pounds("100.00")))
    state = course.state(1)
    assert booked(state, given) == {"F34": {"principal": "90.00", "credit_balance": "10.00"}}
    the_books_agree(state)

    course = a_charged_off_course()
    given = course.then(130, Goodwill(pounds("10.00")))
    assert booked(course.state(130), given) == {"F25b": {"goodwill": "10.00", "no_longer_owed": "10.00"}}


@pytest.mark.parametrize("first", [True, False], ids=["after a charge-off", "straight away"])
def test_a_write_off_forgives_the_rest(*, first: bool) -> None:
    course = a_charged_off_course() if first else Course().open()
    forgiven = course.then(130, WrittenOff())
    state = course.state(130)

    expected = {"no_longer_owed": "74.00"} if first else {"charge_off": "90.00"}
    assert booked(state, forgiven) == {"F31": expected}
    assert (state.status, state.owed) == (PlanStatus.WRITTEN_OFF, pounds("0.00"))
    assert state.discount_earned == course.plan.merchant_discount
    the_books_agree(state)


# ── the calendar and the order of events ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "dues",
    [
        pytest.param([date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31)], id="leap day and month ends"),
        pytest.param([date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 25)], id="the clock changes"),
        pytest.param([date(2026, 12, 25), date(2027, 1, 1), date(2027, 3, 26)], id="holidays"),
    ],
)
def test_o18_dues_keep_their_days_and_their_interest_whatever_the_calendar(dues: list[date]) -> None:
    instalments = tuple(
        Instalment(f"p-d-1/{n}", n, due_on, pounds("30.00"), pounds("0.37")) for n, due_on in enumerate(dues, 1)
    )
    plan = a_purchase(instalments=instalments, opened_on=dues[0].replace(day=1))
    course = Course(plan)
    course.then((plan.opened_on - OPENED_ON).days, Opened(plan.principal))

    for number, due_on in enumerate(dues):
        state = fold(plan, course.events, ServicingTerms(), through=due_on)
        assert state.instalments[number].accrued_interest == pounds("0.37")
        assert state.collectable(due_on).amount == pounds("30.37") * (number + 1)


def test_o20_an_amount_that_computes_to_zero_is_an_event_without_a_journal() -> None:
    course = Course(a_purchase(merchant_discount=pounds("0.01"))).open()
    payment = course.collect(0, "1.00")
    state = course.state(0)

    assert [booking.flow for booking in state.bookings if booking.event_id == payment.event_id] == ["F19a"]


def story() -> Course:
    """One of each that may stand on one day."""
    course = Course(terms=LATE).open()
    course.collect(40, "30.00", event_id="b-paid", hour=9)
    course.collect(40, "37.00", event_id="a-paid", hour=10)
    course.then(41, Refunded("rf-1", pounds("20.00")), hour=1)
    course.then(41, FeeWaived("p-d-1/0/late"), hour=2)
    course.bounce(44, course.events[1])
    return course


def test_the_order_in_which_events_are_given_does_not_matter() -> None:
    course = story()
    whole = course.state(90)

    for order in permutations(course.events):
        assert fold(course.plan, order, course.terms, through=day(90)) == whole


def test_a_return_that_is_valued_before_its_payment_comes_after_it() -> None:
    course = Course().open()
    payment = course.collect(5, "30.00")
    course.bounce(3, payment)

    assert open_amounts(course.state(5)) == ["30.00", "30.00", "30.00"]


def test_events_of_later_days_are_not_there_yet() -> None:
    course = Course().open()
    course.collect(5, "30.00")

    assert open_amounts(course.state(4)) == ["30.00", "30.00", "30.00"]


def test_an_event_of_another_plan_is_a_fault() -> None:
    course = Course().open()

    with pytest.raises(PlanFault, match="is an event of p-d-1, not of p-other"):
        fold(replace(course.plan, plan_id="p-other"), course.events, course.terms, through=day(0))


# ── every kind of event ─────────────────────────────────────────────────────────────────────────────────────────────

_ONE_OF_EACH: tuple[Body, ...] = (
    Opened(pounds("90.00")),
    PartShipped(pounds("10.00"), 2),
    Cancelled(),
    Paid(pounds("30.00"), PaymentChannel.SHOPPER, "pay-1"),
    PaidOff(pounds("90.00"), PaymentChannel.SHOPPER, "pay-2"),
    Returned("paid:pay-1", "return-1"),
    Reversed("paid:pay-1"),
    Refunded("refund-1", pounds("10.00")),
    RefundPaid("refund-1", pounds("10.00")),
    Rescheduled((Due(4, day(120), pounds("90.00"), pounds("0.00")),)),
    Holiday(day(10), day(20)),
    Forbearance(day(10), day(20)),
    FeeCharged("fee-1", pounds("5.00")),
    FeeWaived("fee-1"),
    InterestWaived(pounds("1.00")),
    Goodwill(pounds("5.00")),
    Disputed("case-1", pounds("20.00")),
    DisputeSettled("case-1", for_shopper=True),
    ClaimOpened("case-2", "paid:pay-1", Route.CARD, "bureau"),
    ClaimWon("case-2"),
    ClaimLost("case-2"),
    ChargedOff(),
    Recovered(pounds("5.00"), PaymentChannel.SHOPPER, "pay-3"),
    WrittenOff(),
    Frozen("insolvency"),
    Unfrozen(),
    CreditApplied(pounds("1.00"), "another-plan"),
    CreditRefunded("refund-2", pounds("1.00")),
    ReAged(3, day(40), 1, Unit.MONTHS),
    ReAmortised(),
    RateChanged(900, day(10)),
    InterestPaused(day(10), day(20)),
    DuesMoved(day(14), day(20)),
    Extended(2, day(5)),
    Terminated(),
)


def test_every_kind_of_event_is_among_the_samples() -> None:
    assert [event_kind(body) for body in _ONE_OF_EACH] == list(KINDS)


@pytest.mark.parametrize("body", [each for each in _ONE_OF_EACH if not isinstance(each, Reversed)], ids=event_kind)
def test_every_kind_of_event_is_folded(body: Body) -> None:
    course = Course()
    course.then(0, Opened(pounds("80.00")), event_id="opening")
    event = course.then(5, body, event_id="event")

    assert course.state(5).events == {"opening": "opened", event.event_id: event.kind}


def test_a_reversal_and_what_it_reversed_are_not_folded() -> None:
    course = Course().open()
    course.then(5, Goodwill(pounds("5.00")), event_id="event")
    course.then(6, Reversed("event"))

    assert set(course.state(6).events) == {course.events[0].event_id}
