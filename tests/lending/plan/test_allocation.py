"""Which instalment and which component a payment pays, and what is owed again when it comes back."""

import pytest

from lending.plan.event import CreditRefunded, Disputed, FeeCharged, Paid, PaymentChannel
from lending.plan.plan import PlanStatus
from lending.terms.servicing_terms import Component, ServicingTerms
from tests.lending.courses import Course, balance, booked, day, held, open_amounts, the_books_agree
from tests.lending.plans import a_plan, pounds


def an_interest_plan() -> Course:
    """1000.00 over twelve months at 12 %: the first month, of 31 days, has 10.19 of interest."""
    return Course(a_plan("1000.00", months=12, rate=1200)).open()


def test_a_part_payment_settles_the_oldest_instalment_first() -> None:
    course = Course().open()
    course.collect(31, "35.00")

    assert open_amounts(course.state(31)) == ["0.00", "25.00", "30.00"]


def test_within_an_instalment_fees_come_before_interest_before_principal() -> None:
    course = an_interest_plan()
    course.then(31, FeeCharged("f-1", pounds("7.00"), instalment_id="p-d-1/1"), hour=9)
    payment = course.collect(31, "20.00")
    state = course.state(31)

    assert booked(state, payment)["F19a"] == {"fees": "7.00", "interest": "10.19", "principal": "2.81"}
    the_books_agree(state)


def test_the_order_of_components_is_the_terms() -> None:
    course = an_interest_plan()
    course.terms = ServicingTerms(allocation=(Component.PRINCIPAL, Component.INTEREST, Component.FEES))
    payment = course.collect(31, "80.00")

    assert (
        booked(course.state(31), payment)["F19a"]["principal"] == str(course.plan.instalments[0].principal).split()[0]
    )


def test_the_instalment_that_a_payment_names_comes_first() -> None:
    course = Course().open()
    course.collect(31, "30.00", 2)

    assert open_amounts(course.state(31)) == ["30.00", "30.00", "0.00"]


def test_what_is_due_comes_before_what_is_to_come_and_that_before_credit() -> None:
    course = Course().open()
    payment = course.collect(1, "95.00")
    state = course.state(1)

    assert state.status is PlanStatus.PAID
    assert booked(state, payment)["F19a"] == {"principal": "90.00", "credit_balance": "5.00"}
    assert state.credit_balance == pounds("5.00")
    the_books_agree(state)


def test_a_return_gives_back_exactly_what_the_payment_paid_with_the_original_due_day() -> None:
    course = an_interest_plan()
    course.then(31, FeeCharged("f-1", pounds("7.00"), instalment_id="p-d-1/1"), hour=9)
    before = course.state(31)
    payment = course.collect(31, "95.85")
    come_back = course.bounce(33, payment)
    state = course.state(33)

    paid = booked(state, payment)["F19a"]
    assert booked(state, come_back)["F13b"] == paid
    assert open_amounts(state) == open_amounts(before)
    assert state.instalments[0].due_on == course.plan.instalments[0].due_on
    the_books_agree(state)


def test_a_return_takes_the_credit_first_that_the_payment_had_become() -> None:
    course = Course().open()
    payment = course.collect(61, "100.00")
    come_back = course.bounce(63, payment)
    state = course.state(63)

    assert booked(state, come_back)["F13b"] == {"credit_balance": "10.00", "principal": "90.00"}
    assert open_amounts(state) == ["30.00", "30.00", "30.00"]
    the_books_agree(state)


def test_credit_that_was_used_before_the_return_is_owed_with_the_last_instalment() -> None:
    course = Course().open()
    payment = course.collect(61, "100.00")
    course.then(62, CreditRefunded("rf-1", pounds("10.00")))
    come_back = course.bounce(63, payment)
    state = course.state(63)

    # The refund had not left yet, so it does not leave.
    assert booked(state, come_back)["F19b"] == {"withheld": "10.00"}
    assert open_amounts(state) == ["30.00", "30.00", "30.00"]
    the_books_agree(state)


def test_a_payment_that_its_hold_covers_posts_the_hold() -> None:
    course = Course().open()
    course.collect(0, "30.00", 0, channel=PaymentChannel.CHECKOUT, payment_id="a-0")
    course.collect(30, "30.00", 1, payment_id="a-1", held=held("a-1", "30.00"))
    flows = {booking.flow: booking for booking in course.state(30).bookings}

    assert flows["F03"].entry_id == "F03:a-0"
    assert (flows["F12b"].hold_id, flows["F12b"].voids) == ("F12a:a-1", None)


def test_a_payment_that_splits_otherwise_than_its_hold_releases_the_hold() -> None:
    course = Course().open()
    course.collect(29, "70.00", payment_id="by-hand")
    course.collect(30, "30.00", 1, payment_id="a-1", held=held("a-1", "30.00"))
    flows = {booking.key: booking for booking in course.state(30).bookings}

    assert flows["a-1"].flow == "F19a"
    assert (flows["a-1"].hold_id, flows["a-1"].voids) == (None, "F12a:a-1")


@pytest.mark.parametrize(
    ("channel", "flow"),
    [
        (PaymentChannel.TRANSFER, "F36b"),
        (PaymentChannel.SHOPPER, "F19a"),
        (PaymentChannel.DUPLICATE, "F20"),
        (PaymentChannel.CREDIT, "F19c"),
    ],
)
def test_the_way_the_money_came_decides_the_flow(channel: PaymentChannel, flow: str) -> None:
    course = Course().open()
    course.collect(0, "10.00", channel=PaymentChannel.DUPLICATE)
    payment = course.then(1, Paid(pounds("10.00"), channel, "x-1", "psp"))
    state = course.state(1)

    assert list(booked(state, payment)) == [flow]
    the_books_agree(state)


def test_credit_of_another_plan_pays_what_is_open_here() -> None:
    course = Course().open()
    payment = course.then(1, Paid(pounds("95.00"), PaymentChannel.CREDIT, "c-1", from_plan_id="p-d-0"))
    state = course.state(1)

    assert booked(state, payment)["F19c"] == {"principal": "90.00"}
    assert state.credit_balance == pounds("5.00")


def test_an_instalment_paid_in_full_before_its_day_stays_paid_and_its_interest_to_come_repays_principal() -> None:
    course = an_interest_plan()
    first = course.plan.instalments[0]
    payment = course.collect(10, str(first.amount).split()[0])
    state = course.state(10)

    assert open_amounts(state)[0] == "0.00"
    assert "F17" not in booked(state, payment)  # nothing that has not accrued
    assert state.payments[payment.event_id].interest == pounds("3.29")
    the_books_agree(state)
    later = course.state(31)
    assert open_amounts(later)[0] == "0.00"
    assert -balance(later, "inc:interest") < first.interest
    the_books_agree(later)


def test_a_cash_split_over_payments_of_one_day_is_one_payment() -> None:
    one, many = an_interest_plan(), an_interest_plan()
    one.collect(45, "200.01")
    for part in ("0.01", "88.85", "61.15", "50.00"):
        many.collect(45, part)

    assert [each.open for each in one.state(45).instalments] == [each.open for each in many.state(45).instalments]
    assert balance(one.state(60), "inc:interest") == balance(many.state(60), "inc:interest")


def test_one_unit_residuals_are_owed_and_paid_like_any_amount() -> None:
    course = Course().open()
    course.collect(0, "29.99")
    state = course.state(5)
    assert open_amounts(state) == ["0.01", "30.00", "30.00"]
    assert state.days_past_due(day(5)) == 5

    course.collect(6, "0.01")
    assert course.state(6).days_past_due(day(6)) == 0


def test_a_payment_keeps_to_the_undisputed_part_while_it_can() -> None:
    course = Course().open()
    course.then(1, Disputed("case-1", pounds("30.00")))
    course.collect(2, "50.00", 2)
    state = course.state(2)
    assert open_amounts(state) == ["0.00", "10.00", "30.00"]
    assert state.disputed == pounds("30.00")

    course.collect(3, "20.00", 2)
    assert course.state(3).disputed == pounds("20.00")


def test_a_little_paid_early_pays_the_interest_of_its_day_and_then_principal() -> None:
    course = an_interest_plan()
    payment = course.collect(1, "2.00")
    paid = course.state(1).payments[payment.event_id]

    assert (paid.interest, paid.principal) == (pounds("0.33"), pounds("1.67"))
    assert [balance(course.state(number), "inc:interest").minor for number in (1, 2, 3)] == [-33, -66, -99]
    the_books_agree(course.state(3))
