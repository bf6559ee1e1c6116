from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.plan import InstalmentStatus, PlanFault, PlanStatus, first_difference, fold, plan_id_of, shares
from tests.lending.plans import OPENED_ON, a_plan, paid, pounds, returned


def test_a_plan_and_its_instalments_are_named_after_the_decision() -> None:
    plan = a_plan(plan_id=plan_id_of("d-1"))

    assert [each.instalment_id for each in plan.instalments] == ["p-d-1/0", "p-d-1/1", "p-d-1/2"]


def test_instalments_that_do_not_repay_the_principal_are_no_plan() -> None:
    plan = a_plan()

    with pytest.raises(PlanFault, match=r"repay 100\.00 GBP of 99\.00 GBP"):
        a_plan(principal=pounds("99.00"))
    with pytest.raises(PlanFault, match="discount"):
        a_plan(merchant_discount=pounds("100.01"))
    with pytest.raises(PlanFault, match="no instalment"):
        plan.instalment("p-d-1/3")


def test_a_plan_is_open_until_its_last_instalment_is_paid() -> None:
    plan = a_plan("90.00")
    payments = [paid(plan, number, "30.00") for number in range(3)]

    assert fold(plan, payments[:2]).status is PlanStatus.OPEN
    assert fold(plan, payments[:2]).outstanding == pounds("30.00")
    assert fold(plan, payments).status is PlanStatus.PAID


def test_a_part_payment_leaves_the_rest_open() -> None:
    plan = a_plan("90.00")

    standing = fold(plan, [paid(plan, 0, "12.00")])

    assert standing.open(plan.instalments[0]) == pounds("18.00")


def test_a_return_opens_the_instalment_again_with_its_original_due_day() -> None:
    plan = a_plan("90.00")
    standing = fold(plan, [paid(plan, 0, "30.00"), returned(plan, 0, "30.00")])

    assert standing.open(plan.instalments[0]) == pounds("30.00")
    assert standing.status_of(plan.instalments[0], OPENED_ON + timedelta(days=1)) is InstalmentStatus.OVERDUE


@pytest.mark.parametrize(
    ("days", "status"),
    [
        pytest.param(29, InstalmentStatus.NOT_DUE, id="the day before"),
        pytest.param(30, InstalmentStatus.DUE, id="the day itself"),
        pytest.param(31, InstalmentStatus.OVERDUE, id="the day after"),
    ],
)
def test_an_instalment_is_overdue_from_the_day_after_it_fell_due(days: int, status: InstalmentStatus) -> None:
    plan = a_plan("90.00")
    day = OPENED_ON + timedelta(days=days)

    assert fold(plan, []).status_of(plan.instalments[1], day) is status
    assert fold(plan, [paid(plan, 1, "30.00")]).status_of(plan.instalments[1], day) is InstalmentStatus.PAID


@pytest.mark.parametrize("events", [["30.01"], ["30.00", "0.01"]])
def test_more_than_is_due_is_never_paid(events: list[str]) -> None:
    plan = a_plan("90.00")

    with pytest.raises(PlanFault, match=r"p-d-1/0: -0\.01 GBP would be left of 30\.00 GBP"):
        fold(plan, [paid(plan, 0, amount, event_id=f"e-{number}") for number, amount in enumerate(events)])


def test_more_than_was_paid_is_never_given_back() -> None:
    plan = a_plan("90.00")

    with pytest.raises(PlanFault):
        fold(plan, [paid(plan, 0, "10.00"), returned(plan, 0, "10.01")])


PLAN = a_plan("90.00")
EVENTS = [
    paid(PLAN, 0, "30.00"),
    paid(PLAN, 1, "10.00", event_id="part-1"),
    paid(PLAN, 1, "20.00", event_id="part-2"),
    returned(PLAN, 0, "30.00"),
    paid(PLAN, 0, "30.00", event_id="again"),
]


@given(order=st.permutations(EVENTS))
def test_the_order_of_events_does_not_matter(order: list[object]) -> None:
    assert fold(PLAN, order) == fold(PLAN, EVENTS)  # type: ignore[arg-type]


def test_a_payment_covers_interest_before_principal() -> None:
    plan = a_plan("1000.00", months=12, rate=1200)
    first = plan.instalments[0]

    assert first.interest == pounds("10.19")
    assert shares(fold(plan, []), first, pounds("4.00")) == (pounds("4.00"), pounds("0.00"))
    part = fold(plan, [paid(plan, 0, "0.00", interest="4.00")])
    assert shares(part, first, pounds("16.19")) == (pounds("6.19"), pounds("10.00"))
    with pytest.raises(PlanFault):
        shares(part, first, first.amount)
    with pytest.raises(PlanFault):
        shares(part, first, pounds("0.00"))


def test_two_plans_under_one_id_differ_by_a_named_field() -> None:
    plan = a_plan()

    assert first_difference(plan, a_plan()) is None
    assert first_difference(plan, a_plan(account_id="809")) == "account_id"
    one, other = a_plan(taken_from={"amount_minor": "1"}), a_plan(taken_from={"amount_minor": "2"}, account_id="809")
    assert first_difference(one, other) == "amount_minor"
