import pytest

from lending.plan.plan import PlanFault, first_difference, plan_id_of
from tests.lending.plans import a_plan, pounds


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


def test_two_plans_under_one_id_differ_by_a_named_field() -> None:
    plan = a_plan()

    assert first_difference(plan, a_plan()) is None
    assert first_difference(plan, a_plan(account_id="809")) == "account_id"
    one, other = a_plan(taken_from={"amount_minor": "1"}), a_plan(taken_from={"amount_minor": "2"}, account_id="809")
    assert first_difference(one, other) == "amount_minor"
