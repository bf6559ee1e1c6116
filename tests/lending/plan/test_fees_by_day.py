"""A fee that falls due on a day is owed with the instalment of that day, and after the last due on a day of its own."""

from datetime import date

import pytest

from lending.plan.event import ChargedOff, FeeCharged, FeeKind, FeeWaived
from lending.plan.plan import InstalmentStatus
from tests.lending.courses import Course, booked, day, open_amounts, the_books_agree
from tests.lending.plans import a_plan, pounds


def a_quarter() -> Course:
    """90.00 in three months without interest: due on 10 February, March and April."""
    return Course(a_plan("90.00", months=3)).open()


def fee(due_on: date, amount: str = "7.00", fee_id: str = "f-1") -> FeeCharged:
    return FeeCharged(fee_id, pounds(amount), FeeKind.RETURN, due_on=due_on)


@pytest.mark.parametrize(
    ("due_on", "owed"),
    [
        (date(2026, 1, 10), ["37.00", "30.00", "30.00"]),
        (date(2026, 2, 10), ["37.00", "30.00", "30.00"]),
        (date(2026, 2, 11), ["30.00", "37.00", "30.00"]),
        (date(2026, 4, 10), ["30.00", "30.00", "37.00"]),
        (date(2026, 4, 11), ["30.00", "30.00", "30.00", "7.00"]),
    ],
)
def test_a_fee_is_owed_with_the_instalment_in_whose_period_it_falls_due(due_on: date, owed: list[str]) -> None:
    course = a_quarter()
    event = course.then(0, fee(due_on))

    state = course.state(0)

    the_books_agree(state)
    assert open_amounts(state) == owed
    assert booked(state, event) == {"F13c": {"recharged": "7.00"}}


def test_a_fee_reopens_the_instalment_of_its_day_that_is_paid() -> None:
    course = a_quarter()
    course.collect(5, "30.00")
    course.then(6, fee(date(2026, 2, 1)))

    state = course.state(6)

    assert open_amounts(state) == ["7.00", "30.00", "30.00"]
    assert state.instalments[0].status_of(day(6)) is InstalmentStatus.NOT_DUE


def test_fees_after_the_last_due_share_one_due_on_the_day_of_the_latest() -> None:
    course = a_quarter()
    course.then(100, fee(date(2026, 5, 1)))
    course.then(101, fee(date(2026, 5, 20), "5.00", "f-2"))
    course.then(102, fee(date(2026, 4, 30), "3.00", "f-3"))

    last = course.state(102).instalments[-1]

    assert (last.due_on, last.open) == (date(2026, 5, 20), pounds("15.00"))


def test_a_fee_that_is_past_due_keeps_its_day_when_another_follows() -> None:
    course = a_quarter()
    course.then(100, fee(date(2026, 5, 1)))
    course.then(140, fee(date(2026, 6, 20), "5.00", "f-2"))

    state = course.state(140)

    assert [each.due_on for each in state.instalments[3:]] == [date(2026, 5, 1), date(2026, 6, 20)]
    assert state.days_past_due(day(140)) >= (day(140) - date(2026, 5, 1)).days


def test_a_fee_after_payoff_opens_the_plan_until_it_is_waived() -> None:
    course = a_quarter()
    course.collect(95, "90.00")
    course.then(96, fee(date(2026, 5, 1)))
    assert course.state(96).owed == pounds("7.00")

    course.then(97, FeeWaived("f-1"))

    assert course.state(97).owed == pounds("0.00")


def test_a_fee_due_at_once_has_a_due_of_its_own_whatever_else_is_owed_that_day() -> None:
    course = Course(a_plan("90.00")).open()  # 30.00 are due at the checkout
    course.then(0, FeeCharged("f-1", pounds("7.00"), FeeKind.RETURN, at_once=True))
    course.collect(0, "7.00", instalment=3)

    state = course.state(0)

    the_books_agree(state)
    assert [(each.due_on, each.open) for each in state.instalments][:2] == [
        (day(0), pounds("30.00")),
        (day(0), pounds("0.00")),
    ]


def test_a_fee_that_was_charged_off_can_be_waived_off_the_books() -> None:
    """97.00 is charged off with a fee of 7.00, of which 3.00 is forgiven; the books had let go of all of it before."""
    course = a_quarter()
    course.then(0, fee(date(2026, 2, 1)))
    course.then(40, ChargedOff())
    assert course.state(40).fees["f-1"].waivable == pounds("7.00")
    event = course.then(41, FeeWaived("f-1", pounds("3.00")))

    state = course.state(41)

    the_books_agree(state)
    assert booked(state, event) == {"F31": {"no_longer_owed": "3.00"}}
    assert (state.owed, state.fees["f-1"].waivable) == (pounds("94.00"), pounds("4.00"))


def test_a_fee_paid_before_the_charge_off_stays_paid() -> None:
    course = a_quarter()
    course.then(0, fee(date(2026, 2, 1)))
    course.collect(5, "7.00")
    course.then(40, ChargedOff())

    assert course.state(40).fees["f-1"].waivable == pounds("0.00")
