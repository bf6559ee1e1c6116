"""Changes of a running plan's dues (F28), and pauses whose days do not count as late: holiday, forbearance, freeze."""

from dataclasses import replace
from datetime import date, timedelta

from ledger.map.flow import Flow
from lending.plan.accrual import Accrual, rounded_interest, shared
from lending.plan.delinquency import Pause, PauseReason
from lending.plan.event import Forbearance, Holiday, PlanEvent, Rescheduled
from lending.plan.running import Fee, RunningInstalment, RunningPlan
from lending.schedule.due import Due


def rescheduled(run: RunningPlan, event: PlanEvent, body: Rescheduled) -> None:
    """Spread everything open and undisputed over new dues; the disputed part keeps its dues.

    If a backdated payment has changed the open amount since, the new dues keep their proportions. Open interest and
    fees become principal if the event says so, or else are owed with the first new due.
    """
    moved = [line for line in run.lines if line.claimable > 0]
    if not moved or not body.dues or run.charged_off is not None:
        return
    oldest = min(line.counts_from for line in moved)
    principal = interest = 0
    fees: list[Fee] = []
    for line in moved:
        free = line.open_principal - line.disputed
        line.principal -= free
        principal += free
        line.set_interest(event.value_date, line.accrued)
        interest += line.open_accrued
        line.interest_gone += line.open_accrued
        fees += [fee for fee in line.fees if fee.open]
        line.fees = [fee for fee in line.fees if not fee.open]
    capitalised = {"interest": 0, "fees": 0}
    if body.capitalise_interest:
        capitalised["interest"], interest = interest, 0
    if body.capitalise_fees:
        for fee in fees:
            capitalised["fees"] += fee.open
            fee.gone += fee.open
    run.book(Flow.RESCHEDULED, event.event_id, event, capitalised)
    run.beyond_purchase += sum(capitalised.values())
    first = _add(run, event, body.dues, principal + sum(capitalised.values()), interest)
    first.fees += fees
    if not run.terms.reschedule_resets_delinquency:
        first.counts_from = min(oldest, first.counts_from)
    run.version += 1


def holiday(run: RunningPlan, event: PlanEvent, body: Holiday) -> None:
    """Move every open due from `starts` on by the length of the holiday; its interest accrues over the longer time."""
    days = body.ends - body.starts
    for line in run.lines:
        if line.open > 0 and line.due_on >= body.starts:
            begins = line.accrual.from_day
            begins = begins + days if begins >= body.starts else begins
            line.accrual = replace(line.accrual, from_day=begins, to_day=line.due_on + days)
            if event.value_date > begins:
                line.accrual = line.accrual.onward(event.value_date, line.accrued, line.interest)
            line.due_on += days
            line.counts_from += days
            line.grace_from += days
    run.sort_lines()
    run.pauses.append(Pause(PauseReason.HOLIDAY, body.starts, body.ends))
    run.version += 1


def forbearance(run: RunningPlan, event: PlanEvent, body: Forbearance) -> None:
    """Add a pause: its days do not count as late and, if the terms say so, bear no interest."""
    pause = Pause(PauseReason.FORBEARANCE, body.starts, body.ends)
    run.pauses.append(pause)
    _rest(run, pause, event.value_date)


def frozen(run: RunningPlan, event: PlanEvent) -> None:
    """F46: until the plan is unfrozen, nothing is collected and no day counts as late."""
    if run.frozen_on is not None:
        return
    run.frozen_on = event.value_date
    run.pauses.append(Pause(PauseReason.FROZEN, event.value_date))
    if run.terms.interest_stops_in_pause:
        for line in run.lines:
            line.accrual = replace(line.accrual, stopped=event.value_date)


def unfrozen(run: RunningPlan, event: PlanEvent) -> None:
    """End the freeze; its last day is the day before the event."""
    if run.frozen_on is None:
        return
    ended = Pause(PauseReason.FROZEN, run.frozen_on, event.value_date)
    run.pauses = [ended if pause.ends is None else pause for pause in run.pauses]
    one = timedelta(days=1)  # the day of the freeze has accrued; the day of its end has not
    _rest(run, Pause(PauseReason.FROZEN, run.frozen_on + one, event.value_date + one), run.frozen_on)
    run.frozen_on = None


def _rest(run: RunningPlan, pause: Pause, known_on: date) -> None:
    if not run.terms.interest_stops_in_pause:
        return
    for line in run.lines:
        if line.accrued < line.interest:
            line.accrual = line.accrual.resting(pause, known_on, line.accrued)
            line.interest = line.accrual.to_minor


def _add(run: RunningPlan, event: PlanEvent, dues: tuple[Due, ...], principal: int, interest: int) -> RunningInstalment:
    """Add the new instalments and return the first, which also contains the interest already owed."""
    planned = [due.principal.minor for due in dues]
    if not any(planned):  # nothing was open when this was recorded, but is since a late event
        planned = [1] * len(dues)
    whole = sum(planned)
    begins = event.value_date
    added: list[RunningInstalment] = []
    for due, part in zip(dues, shared(principal, planned), strict=True):
        own = rounded_interest(due.interest.minor, principal, whole)
        owed = 0 if added else interest
        line = RunningInstalment(
            instalment_id=f"{run.plan.plan_id}/{due.number}",
            number=due.number,
            due_on=due.due_on,
            counts_from=due.due_on,
            grace_from=due.due_on,
            accrual=Accrual(begins, owed, due.due_on, owed + own),
            principal=part,
            interest=owed + own,
            accrued=owed,
        )
        begins = due.due_on
        added.append(line)
        run.add(line)
    return added[0]
