"""Book accrued interest day by day (F17), and interest that is paid before it has accrued."""

from datetime import date, timedelta

from ledger.map.flow import Flow
from lending.plan.running import RunningInstalment, RunningPlan


def accrue_to(run: RunningPlan, day: date) -> None:
    """Accrue interest up to and including `day`: one booking for each day after `accrued_from` that bears interest."""
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
    """Count interest that was paid before it accrued as accrued now; returns the amount."""
    ahead = max(0, line.interest_paid + line.interest_gone - line.accrued)
    line.accrued += ahead
    return ahead


def stop_accruing(run: RunningPlan) -> None:
    """Cut the scheduled interest of every instalment down to what has accrued so far."""
    for line in run.lines:
        if line.interest > line.accrued:
            line.set_interest(run.accrued_to, line.accrued)


def scale_interest(run: RunningPlan, before: dict[str, int]) -> None:
    """Reduce future interest in proportion to the principal that bears it, after principal has fallen.

    `before` is the scheduled principal of each instalment before the change. The interest of a period is borne by the
    principal of its own instalment and of all later ones.
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
    """The scheduled principal of each instalment by its id, whether paid or not, less what was credited."""
    return {line.instalment_id: line.principal - line.credited for line in run.lines}
