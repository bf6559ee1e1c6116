"""Book the interest of the days that have passed (F17), and the interest that a payment pays before its days have."""

from datetime import date, timedelta

from ledger.map.flow import Flow
from lending.plan.running import RunningInstalment, RunningPlan


def accrue_to(run: RunningPlan, day: date) -> None:
    """Interest is owed up to and with a day: one booking for each day that has any, after `accrued_from`."""
    since = run.accrued_to
    if day <= since:
        return
    run.accrued_to = day
    growing = [line for line in run.lines if line.accrued < line.interest and line.accrual.from_day < day]
    if not growing:
        return
    booked_from = since if run.accrued_from is None else max(since, run.accrued_from)
    reached = [max(line.accrued, line.accrual.by(booked_from)) for line in growing]
    for after in range(1, (day - booked_from).days + 1):
        current = booked_from + timedelta(days=after)
        grown = [max(line.accrued, line.accrual.by(current)) for line in growing]
        change = sum(grown) - sum(reached)
        if change:
            run.book_derived(Flow.INTEREST_ACCRUED, f"{run.plan.plan_id}/{current}", current, {"interest": change})
        reached = grown
    for line in growing:
        line.accrued = max(line.accrued, line.accrual.by(day))


def accrue_ahead(line: RunningInstalment) -> int:
    """Interest that is paid before its days have passed is earned as it is paid; answers how much."""
    ahead = max(0, line.interest_paid + line.interest_gone - line.accrued)
    line.accrued += ahead
    return ahead


def stop_accruing(run: RunningPlan) -> None:
    """Interest that has not accrued never will."""
    for line in run.lines:
        if line.interest > line.accrued:
            line.set_interest(run.accrued_to, line.accrued)


def scale_interest(run: RunningPlan, before: dict[str, int]) -> None:
    """Interest to come falls with the principal that bears it.

    `before` is what each instalment asked for of the principal: the interest of a period is borne by its own
    instalment and all that follow.
    """
    bearing_before = bearing_after = 0
    for line in reversed(run.lines):
        bearing_before += before[line.instalment_id]
        bearing_after += line.principal - line.credited
        to_come = line.interest - line.accrued
        if to_come > 0 and bearing_before != bearing_after and bearing_before:
            kept = (2 * to_come * bearing_after + bearing_before) // (2 * bearing_before)
            line.set_interest(run.accrued_to, line.accrued + kept)


def scheduled_principal(run: RunningPlan) -> dict[str, int]:
    """What each instalment asks for of the principal, by id, paid or not."""
    return {line.instalment_id: line.principal - line.credited for line in run.lines}
