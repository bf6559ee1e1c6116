"""Changes of a running plan's dues (F28), and pauses whose days do not count as late: holiday, forbearance, freeze."""

from collections.abc import Sequence
from datetime import date, timedelta

from ledger.map.flow import Flow
from lending.plan.accrual import InterestPeriod
from lending.plan.delinquency import Pause, PauseReason
from lending.plan.event import Forbearance, Holiday, PlanEvent, Rescheduled
from lending.plan.proportion import proportion_of, shared
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
    for line in run.lines:
        line.keep()
    for line in moved:
        free = line.open_principal - line.disputed
        line.principal -= free
        principal += free
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
        if line.due_on < body.starts:
            continue
        period = line.period
        begins = period.after + days if period.after >= body.starts else period.after
        period.move(max(begins, event.value_date), period.until + days)
        if line.open > 0:
            line.due_on += days
            line.counts_from += days
            line.grace_from += days
    run.sort_lines()
    run.pauses.append(Pause(PauseReason.HOLIDAY, body.starts, body.ends))
    run.version += 1


def forbearance(run: RunningPlan, body: Forbearance) -> None:
    """Add a pause: its days do not count as late and, if the terms say so, bear no interest."""
    pause = Pause(PauseReason.FORBEARANCE, body.starts, body.ends)
    run.pauses.append(pause)
    if run.terms.interest_stops_in_pause:
        run.rests.append(pause)


def frozen(run: RunningPlan, event: PlanEvent) -> None:
    """F46: until the plan is unfrozen, nothing is collected and no day counts as late."""
    if run.frozen_on is not None:
        return
    run.frozen_on = event.value_date
    run.pauses.append(Pause(PauseReason.FROZEN, event.value_date))
    if run.terms.interest_stops_in_pause:
        run.rests.append(Pause(PauseReason.FROZEN, event.value_date + _ONE_DAY))  # the day itself has accrued


def unfrozen(run: RunningPlan, event: PlanEvent) -> None:
    """End the freeze; its last day is the day before the event."""
    if run.frozen_on is None:
        return
    run.pauses = _ended(run.pauses, event.value_date)
    run.rests = _ended(run.rests, event.value_date + _ONE_DAY)  # as the day of the event has rested
    run.frozen_on = None


_ONE_DAY = timedelta(days=1)


def _ended(pauses: Sequence[Pause], on: date) -> list[Pause]:
    return [Pause(each.reason, each.starts, on) if each.ends is None else each for each in pauses]


def _add(run: RunningPlan, event: PlanEvent, dues: tuple[Due, ...], principal: int, interest: int) -> RunningInstalment:
    """Add the new instalments and return the first, which also contains the interest already owed."""
    planned = [due.principal.minor for due in dues]
    if not any(planned):  # nothing was open when this was recorded, but is since a late event
        planned = [1] * len(dues)
    after, left = event.value_date, sum(planned)
    added: list[RunningInstalment] = []
    for due, part, weight in zip(dues, shared(principal, planned), planned, strict=True):
        owed = 0 if added else interest
        own = proportion_of(due.interest.minor, principal - sum(each.principal for each in added), left)
        line = RunningInstalment(
            instalment_id=f"{run.plan.plan_id}/{due.number}",
            number=due.number,
            due_on=due.due_on,
            counts_from=due.due_on,
            grace_from=due.due_on,
            period=InterestPeriod.priced(after, due.due_on, due.interest.minor, left, grown=owed),
            level=part + owed + own,
            agreed=part,
            principal=part,
            interest=owed,
            accrued=owed,
        )
        after, left = due.due_on, left - weight
        added.append(line)
        run.add(line)
    run.bears_interest = run.bears_interest or any(due.interest.minor for due in dues)
    return added[0]
