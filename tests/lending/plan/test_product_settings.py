"""What each setting of a product's terms does to money: 1,000.00 at 12 % over a year, or 90.00 without interest."""

from dataclasses import replace
from datetime import date

import pytest

from lending.plan.event import (
    ChargedOff,
    ClaimLost,
    ClaimOpened,
    CreditRefunded,
    FeeCharged,
    FeeKind,
    Goodwill,
    Paid,
    PaidOff,
    PaymentChannel,
    PlanEvent,
    Recovered,
    Refunded,
    RefundPaid,
    Reversed,
    Route,
)
from lending.plan.plan import PlanStatus
from lending.plan.state import PlanState
from lending.schedule.business_days import BusinessDays
from lending.schedule.day_count import ACTUAL_365
from lending.schedule.due_dates import Adjustment, Spacing, Unit
from lending.terms.servicing_terms import (
    ChargeOffInterest,
    ClaimDue,
    ClaimRule,
    Component,
    EarlyPayment,
    InterestRule,
    LateFeeRule,
    LateFees,
    LateInterest,
    PayoffInterest,
    ServicingTerms,
    TermsFault,
)
from tests.lending.courses import Course, balance, booked, open_amounts, the_books_agree
from tests.lending.plans import a_plan, pounds

NEXT_DUE = ClaimRule(ClaimDue.NEXT_DUE, (Component.FEES, Component.INTEREST, Component.PRINCIPAL))


def a_year(**terms: object) -> Course:
    rule = InterestRule(ACTUAL_365, Spacing(1, Unit.MONTHS), first_day_bears=False)
    return Course(a_plan("1000.00", months=12, rate=1200), replace(ServicingTerms(interest=rule), **terms)).open()  # type: ignore[arg-type]


def three(**terms: object) -> Course:
    return Course(terms=replace(ServicingTerms(), **terms)).open()  # type: ignore[arg-type]


def a_lost_claim(course: Course, number: int, payment: PlanEvent, amount: str) -> PlanEvent:
    course.then(number, ClaimOpened("case", payment.event_id, Route.CARD, "bureau", pounds(amount)))
    return course.then(number, ClaimLost("case"), hour=13)


def principal_of(state: PlanState) -> list[str]:
    return [str(each.open_principal).split()[0] for each in state.instalments]


# ── interest as agreed ──────────────────────────────────────────────────────────────────────────────────────────────


def test_interest_as_agreed_is_paid_in_full_by_who_pays_early() -> None:
    course = a_year(interest_as_agreed=True)
    whole = sum(each.interest.minor for each in course.plan.instalments)
    assert course.state(10).payoff(course.state(10).through).interest.minor == whole

    payment = course.then(
        10, PaidOff(pounds("1000.00") + _interest(course), PaymentChannel.SHOPPER, "x", "psp", "card")
    )
    state = course.state(10)

    assert state.status is PlanStatus.PAID
    assert booked(state, payment)["F18"]["interest"] == str(_interest(course)).split()[0]
    assert balance(state, "inc:interest") == -_interest(course)  # income when it is received, and no more later
    the_books_agree(state)
    assert balance(course.state(400), "inc:interest") == -_interest(course)


def test_interest_as_agreed_accrues_evenly_within_its_period_and_never_changes() -> None:
    course = a_year(interest_as_agreed=True)
    course.collect(10, "500.00")
    course.collect(15, "100.00")
    state = course.state(20)
    the_books_agree(state)

    agreed = [each.interest for each in course.plan.instalments]
    assert [each.interest for each in state.instalments] == agreed
    assert [each.interest for each in course.state(300).instalments] == agreed
    the_books_agree(course.state(500))
    assert balance(course.state(500), "inc:interest") == -_interest(course)


def test_interest_as_agreed_neither_grows_on_late_money_nor_stops_in_a_pause() -> None:
    with pytest.raises(TermsFault, match="interest as agreed"):
        ServicingTerms(interest_as_agreed=True, late_interest=LateInterest.UNTIL_PAID)
    with pytest.raises(TermsFault, match="interest as agreed"):
        ServicingTerms(interest_as_agreed=True, interest_stops_in_pause=True)


# ── early payments, refunds and goodwill ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("early", "left"),
    [
        (EarlyPayment.NEXT_DUES, ["0.00", "20.00", "30.00"]),
        (EarlyPayment.NEXT_THEN_LAST, ["0.00", "30.00", "20.00"]),
        (EarlyPayment.LAST_DUES, ["30.00", "20.00", "0.00"]),
        (EarlyPayment.EQUAL_PARTS, ["16.67", "16.67", "16.66"]),
        (EarlyPayment.SHORTER_TERM, ["30.00", "20.00", "0.00"]),
        (EarlyPayment.SMALLER_INSTALMENTS, ["16.66", "16.67", "16.67"]),
    ],
)
def test_a_payment_in_advance_goes_where_the_terms_say(early: EarlyPayment, left: list[str]) -> None:
    course = Course(a_plan("90.00", months=3), ServicingTerms(early_payment=early)).open()
    course.collect(5, "40.00")

    assert open_amounts(course.state(5)) == left
    the_books_agree(course.state(100))


def test_the_last_dues_are_paid_while_the_interest_that_has_accrued_waits_for_its_due() -> None:
    course = a_year(early_payment=EarlyPayment.LAST_DUES)
    paid = course.collect(15, "100.00")
    state = course.state(15)

    assert (state.payments[paid.event_id].interest, state.payments[paid.event_id].principal) == (
        pounds("0.00"),
        pounds("100.00"),
    )
    assert state.instalments[0].accrued_interest == pounds("4.93")  # 15 days at 12 % on 1,000.00
    the_books_agree(state)


def test_a_refund_can_pay_fees_and_interest_as_a_payment_does() -> None:
    course = three(refunds_pay=EarlyPayment.EQUAL_PARTS)
    course.then(1, FeeCharged("f", pounds("7.00"), FeeKind.RETURN))
    refund = course.then(5, Refunded("rf", pounds("57.00")))
    state = course.state(5)

    # 37.00 is due since the first day, 10.00 goes to each of the two to come
    assert open_amounts(state) == ["0.00", "20.00", "20.00"]
    assert booked(state, refund)["F19c"] == {"fees": "7.00", "principal": "50.00"}
    assert state.refunded == pounds("57.00")
    the_books_agree(state)


def test_refunds_and_goodwill_can_have_an_order_of_their_own() -> None:
    order = (Component.PRINCIPAL, Component.INTEREST, Component.FEES)
    course = three(
        refunds_pay=EarlyPayment.NEXT_DUES,
        refunds_allocation=order,
        goodwill_pays=EarlyPayment.NEXT_DUES,
        goodwill_allocation=order,
    )
    course.then(1, FeeCharged("f", pounds("7.00"), FeeKind.RETURN))
    refund = course.then(5, Refunded("rf", pounds("20.00")))
    given = course.then(6, Goodwill(pounds("10.00")))

    assert booked(course.state(6), refund)["F19c"] == {"principal": "20.00"}
    assert booked(course.state(6), given)["F19c"] == {"principal": "10.00"}
    assert course.state(6).open_fees == pounds("7.00")


def test_a_refund_that_pays_more_than_is_owed_is_payable_to_the_shopper() -> None:
    course = three(refunds_pay=EarlyPayment.NEXT_DUES)
    course.collect(0, "30.00", 0)
    course.then(5, Refunded("rf", pounds("90.00")))
    state = course.state(5)

    assert (state.status, state.refunds_payable) == (PlanStatus.REFUNDED, pounds("30.00"))
    the_books_agree(state)


def test_the_interest_on_refunded_goods_is_kept_where_the_terms_say_so() -> None:
    given, kept = a_year(), a_year(refunds_interest=False)
    for course in (given, kept):
        course.then(30, Refunded("rf", pounds("500.00")))

    assert balance(kept.state(30), "inc:interest") - balance(given.state(30), "inc:interest") == pounds("-4.93")
    the_books_agree(kept.state(400))


def test_goodwill_can_pay_as_a_payment_and_is_an_expense_all_the_same() -> None:
    course = three(goodwill_pays=EarlyPayment.LAST_DUES)
    course.then(1, FeeCharged("f", pounds("7.00"), FeeKind.RETURN))
    given = course.then(5, Goodwill(pounds("50.00")))
    state = course.state(5)

    assert open_amounts(state) == ["0.00", "30.00", "17.00"]
    assert booked(state, given)["F34"] == {"credit_balance": "50.00"}
    assert booked(state, given)["F19c"] == {"fees": "7.00", "principal": "43.00"}
    assert balance(state, "exp:goodwill") == pounds("50.00")
    the_books_agree(state)


def test_a_payment_can_pay_one_component_of_all_dues_before_the_next_component() -> None:
    order = (Component.PRINCIPAL, Component.INTEREST, Component.FEES)
    for across, fees in ((False, "7.00"), (True, "0.00")):
        course = three(allocation=order, allocate_across=across)
        course.then(1, FeeCharged("f", pounds("7.00"), FeeKind.RETURN))
        paid = course.collect(40, "60.00")
        assert course.state(40).payments[paid.event_id].fees == pounds(fees)


# ── claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_claim_can_be_owed_with_the_next_due_and_leaves_the_payment_where_it_was() -> None:
    course = three(claims=NEXT_DUE)
    payment = course.collect(0, "30.00", 0)
    a_lost_claim(course, 10, payment, "20.00")
    state = course.state(10)

    assert open_amounts(state) == ["0.00", "50.00", "30.00"]
    assert state.payments[payment.event_id].returnable == pounds("10.00")
    the_books_agree(state)


def test_a_claim_restores_the_components_that_its_payment_had_paid_in_the_order_of_the_terms() -> None:
    """Of 88.85, 9.86 was interest: 15.00 makes 9.86 of interest and 5.14 of principal owed again."""
    course = a_year(claims=ClaimRule(ClaimDue.NEXT_DUE, (Component.INTEREST, Component.PRINCIPAL)))
    first = course.plan.instalments[0]
    payment = course.collect(31, str(first.amount).split()[0], 1)
    split = course.state(31).payments[payment.event_id]
    claim = a_lost_claim(course, 32, payment, "15.00")

    owed = pounds("15.00") - split.interest
    assert booked(course.state(32), claim)["F26c"] == {
        "interest": str(split.interest).split()[0],
        "principal": str(owed).split()[0],
    }
    the_books_agree(course.state(32))
    the_books_agree(course.state(400))


def test_claims_after_the_last_due_have_one_due_that_each_puts_off() -> None:
    course = three(claims=NEXT_DUE, claim_due_days=7)
    payments = [course.collect(number, "30.00", place) for place, number in enumerate((0, 30, 60))]
    for number, payment in ((70, payments[0]), (90, payments[1])):
        course.then(number, ClaimOpened(f"c-{number}", payment.event_id, Route.CARD, "bureau", pounds("10.00")))
        course.then(number, ClaimLost(f"c-{number}"), hour=13)
    state = course.state(90)

    assert open_amounts(state) == ["0.00", "0.00", "0.00", "20.00"]
    assert (state.instalments[3].due_on - state.plan.opened_on).days == 97
    the_books_agree(state)


def test_credit_paid_out_before_its_payment_was_undone_is_owed_with_the_next_due() -> None:
    course = three(claims=NEXT_DUE)
    payment = course.collect(1, "100.00")
    course.then(2, CreditRefunded("cr", pounds("10.00")))
    course.then(3, RefundPaid("cr", pounds("10.00")))
    course.then(4, Reversed(payment.event_id))

    assert open_amounts(course.state(4)) == ["30.00", "40.00", "30.00"]


# ── charge-off ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("interest", "owed"),
    [
        (ChargeOffInterest.ACCRUED, "1014.79"),  # 45 days at 12 % on 1,000.00
        (ChargeOffInterest.ACCELERATED, "1014.79"),
        (ChargeOffInterest.AGREED, "1066.32"),  # the schedule's, and what the late first due adds until then
    ],
)
def test_a_charge_off_ends_interest_or_keeps_all_of_it_owed(interest: ChargeOffInterest, owed: str) -> None:
    course = a_year(charge_off_interest=interest, late_interest=LateInterest.UNTIL_PAID)
    off = course.then(45, ChargedOff())
    state = course.state(45)

    assert state.charged_off == pounds(owed)
    assert booked(state, off)["F30"]["charge_off"] == "1000.00"
    assert booked(state, off)["F30"]["interest"] == "14.79"  # what was on the books, and no more
    assert state.charged_off == course.state(300).charged_off
    the_books_agree(course.state(300))


def test_an_accelerated_debt_is_due_on_the_day_of_the_charge_off() -> None:
    course = a_year(charge_off_interest=ChargeOffInterest.ACCELERATED)
    course.then(45, ChargedOff())
    owing = [each for each in course.state(45).instalments if each.charged_off.minor]

    assert [(each.due_on - course.plan.opened_on).days for each in owing] == [31, 45]


def test_a_debt_off_the_books_is_paid_instalment_by_instalment_as_one_on_the_books() -> None:
    course = three()
    course.then(1, FeeCharged("f", pounds("7.00"), FeeKind.RETURN))
    course.then(50, ChargedOff())
    course.then(60, Recovered(pounds("50.00"), PaymentChannel.SHOPPER, "x", "psp"))

    assert [str(each.charged_off).split()[0] for each in course.state(60).instalments] == ["0.00", "17.00", "30.00"]
    the_books_agree(course.state(60))


def test_what_was_paid_out_and_is_owed_again_stays_with_the_next_due() -> None:
    """40.00 and 1,060.00 paid at once leave 100.00 of credit, which is paid out; then the 40.00 does not stand."""
    course = a_year(claims=NEXT_DUE)
    small = course.then(0, Paid(pounds("40.00"), PaymentChannel.SHOPPER, "x-1", "psp", "card"))
    course.then(0, Paid(pounds("1060.00"), PaymentChannel.SHOPPER, "x-2", "psp", "card"), hour=14)
    course.then(5, CreditRefunded("r", pounds("100.00")))
    course.then(6, RefundPaid("r", pounds("100.00")))
    course.then(10, Reversed(small.event_id))

    state = course.state(20)

    assert balance(state, "plan:principal") == state.outstanding
    assert principal_of(state) == ["40.00", *["0.00"] * 11]
    assert state.instalments[0].open_interest > pounds("0.00")
    assert state.owed == pounds("40.00") + state.instalments[0].open_interest


# ── payoff ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rule", PayoffInterest)
def test_a_payoff_owes_interest_to_its_day_or_for_the_whole_running_period(rule: PayoffInterest) -> None:
    """1,000.00 at 12 % for 15 of 31 days is 4.93, for all of them 10.19."""
    course = a_year(payoff_interest=rule)
    whole = rule is PayoffInterest.TO_THE_NEXT_DUE
    quote = course.state(15).payoff(course.state(15).through)
    assert quote.interest == pounds("10.19" if whole else "4.93")

    payment = course.then(15, PaidOff(quote.amount, PaymentChannel.SHOPPER, "x", "psp"))

    the_books_agree(course.state(60))
    assert course.state(60).status is PlanStatus.PAID
    assert balance(course.state(60), "inc:interest") == -quote.interest
    course.then(20, Reversed(payment.event_id))
    assert course.state(31).payoff(course.state(31).through).interest == pounds("10.19")
    the_books_agree(course.state(31))


# ── late ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_late_money_bears_interest_never_or_until_the_last_due_or_until_it_is_paid() -> None:
    by_rule = {}
    for rule in LateInterest:
        course = a_year(late_interest=rule)
        the_books_agree(course.state(700))
        by_rule[rule] = [balance(course.state(number), "inc:interest") for number in (365, 700)]

    agreed = -_interest(a_year())
    assert by_rule[LateInterest.NONE] == [agreed, agreed]
    assert by_rule[LateInterest.UNTIL_LAST_DUE] == [pounds("-119.98"), pounds("-119.98")]  # 12 %, rounded by month
    assert by_rule[LateInterest.UNTIL_PAID] == [pounds("-119.98"), pounds("-230.12")]  # 700 days of it


def test_a_late_fee_does_not_depend_on_how_far_the_plan_is_folded() -> None:
    fees = LateFees((LateFeeRule("late", pounds("6.00"), 5),))
    course = Course(a_plan("90.00", months=3), ServicingTerms(late_fees=fees, early_payment=EarlyPayment.LAST_DUES))
    course.open()
    course.collect(5, "30.00")

    near, far = (course.state(number).fees for number in (40, 300))
    assert set(near) == set()  # a third is paid ahead, so no more is owed than agreed
    assert "p-d-1/1/late" not in far


def _interest(course: Course) -> object:
    return pounds("0.00") + sum((each.interest for each in course.plan.instalments), pounds("0.00"))


def test_what_is_past_due_can_have_an_order_of_its_own() -> None:
    last = (Component.INTEREST, Component.PRINCIPAL, Component.FEES)
    for number, fees in ((31, "7.00"), (32, "0.00")):
        course = Course(a_plan("90.00", months=3), ServicingTerms(allocation_past_due=last)).open()
        course.then(1, FeeCharged("f", pounds("7.00"), FeeKind.RETURN))
        paid = course.collect(number, "20.00")
        assert course.state(number).payments[paid.event_id].fees == pounds(fees)


def test_what_is_paid_in_advance_can_have_an_order_of_its_own() -> None:
    last = (Component.INTEREST, Component.PRINCIPAL, Component.FEES)
    for number, fees in ((10, "0.00"), (31, "7.00")):
        course = Course(a_plan("90.00", months=3), ServicingTerms(allocation_in_advance=last)).open()
        course.then(1, FeeCharged("f", pounds("7.00"), FeeKind.RETURN))
        paid = course.collect(number, "20.00")
        assert course.state(number).payments[paid.event_id].fees == pounds(fees)


def test_what_is_owed_beyond_the_schedule_is_not_due_on_a_holiday() -> None:
    christmas = BusinessDays(holidays=frozenset({date(2026, 12, 25)}), adjustment=Adjustment.OFF_HOLIDAYS)
    course = Course(terms=ServicingTerms(days=christmas)).open()
    for number in (0, 30, 60):
        course.collect(number, "30.00")
    course.then((date(2026, 12, 11) - course.plan.opened_on).days, FeeCharged("f", pounds("7.00"), FeeKind.RETURN))

    assert course.state(340).instalments[-1].due_on == date(2026, 12, 28)  # the 26th is a Saturday
