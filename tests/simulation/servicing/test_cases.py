"""The table of servicing cases: what it names exists, its staff may do it, and it fits into the days of the world."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from ledger.identity.authority import authority_file
from lending.acts.act import ACTS, NOT_BY_HAND
from lending.plan.event import KINDS
from payments.collection.pay import PAY
from payments.merchants.ship import SHIP
from simulation.servicing.case import ROLES, CaseStep, Door, ServicingCase
from simulation.servicing.cases import CASES
from simulation.servicing.desk import ServedPlan, ServicingDesk
from simulation.world.period import Period

STEPS = [pytest.param(step, id=f"{case.name}, day {step.after_days}") for case in CASES for step in case.steps]


@pytest.mark.parametrize("step", STEPS)
def test_whoever_does_a_step_may_and_says_why(step: CaseStep) -> None:
    wanted = {Door.ACT: step.name, Door.PAYMENT: PAY, Door.SHIPMENT: SHIP}.get(step.door)

    assert step.why
    assert (step.by is None) == (wanted is None)
    if step.by is not None and wanted is not None:
        assert wanted in {*ACTS, PAY, SHIP}
        assert authority_file().role(ROLES[step.by]).does.names(wanted)


def test_every_act_is_wanted_by_some_case() -> None:
    """So a kind of event that gets an act gets a step. Other kinds come by what the provider and the agency do."""
    acts = {step.name for case in CASES for step in case.steps if step.door is Door.ACT}

    assert acts == set(ACTS)
    assert {event for event, body in KINDS.items() if all(act.event is not body for act in ACTS.values())} == set(
        NOT_BY_HAND
    )


def test_no_step_comes_before_the_last_checkouts_or_after_the_days_of_collection() -> None:
    days = [step.after_days for case in CASES for step in case.steps]

    assert min(days) >= Period().checkout_days * 2 - 1
    assert max(days) <= 95
    assert all(list(each.steps) == sorted(each.steps, key=lambda step: step.after_days) for each in CASES)


def test_the_first_case_that_fits_takes_a_plan_once(tmp_path: Path) -> None:
    desk = ServicingDesk(tmp_path, {"s-1": "pays", "s-2": "stops_paying"})
    first = desk.case_for("monthly", "s-1", two_plans=False)
    assert first is CASES[0]
    day = date(2026, 1, 5)

    desk.take(ServedPlan(first, "p-1", "s-1", day))

    assert desk.case_for("monthly", "s-1", two_plans=False) is CASES[1]
    assert desk.case_for("monthly", "s-2", two_plans=False) is None
    assert first.name not in desk.without_a_plan
    assert [step for _, step in desk.wanted_on(day + timedelta(days=9))] == list(first.steps)
    assert desk.wanted_on(day) == []


def test_a_case_for_two_plans_takes_no_other_shopper() -> None:
    (case,) = (each for each in CASES if each.two_plans)

    assert not case.fits("pay_in_3", "pays", two_plans=False)
    assert case.fits("pay_in_3", "pays", two_plans=True)
    assert not ServicingCase("x", (), product="monthly").fits("pay_in_3", "pays", two_plans=False)
