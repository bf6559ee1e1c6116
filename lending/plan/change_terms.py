"""Changes of terms that the fold computes: re-age, re-amortise, another rate, due day or term, and termination.

The event says by which rule; dues and interest follow from what is owed on its day, whatever becomes known later.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from ledger.map.flow import Flow
from lending.plan.accrual import InterestPeriod, RateChange
from lending.plan.charge_off import bring_forward
from lending.plan.delinquency import Pause, PauseReason
from lending.plan.event import (
    DuesMoved,
    Extended,
    InterestPaused,
    MovedInterest,
    PlanEvent,
    RateChanged,
    ReAged,
    ReAmortised,
)
from lending.plan.interest import accruals_of
from lending.plan.price import equal_parts, level_parts, period_at_rate, rate_of_period
from lending.plan.running import Fee, RunningInstalment, RunningPlan
from lending.schedule.due_dates import Spacing, Unit

_EQUAL = frozenset({MovedInterest.EQUAL_PARTS, MovedInterest.EQUAL_PARTS_OF_ALL})


def re_aged(run: RunningPlan, event: PlanEvent, body: ReAged) -> None:
    """Spread what is open and undisputed over new level instalments.

    Fees stay, due at the latest on the day, but are shared too where interest is owed in equal parts.
    """
    unpaid = [line for line in run.lines if line.claimable > 0]
    if not unpaid or run.charged_off is not None:
        return
    agreed = sum(line.open_interest for line in run.lines)
    oldest = min(line.counts_from for line in unpaid)
    day = event.value_date
    _cut(run, day, body.interest)
    principal = interest = 0
    for line in run.lines:
        line.keep()
    for line in run.lines:
        free = line.open_principal - line.disputed
        line.principal -= free
        principal += free
        interest += _move_interest(line)
    fees = _take_fees(run.lines) if body.interest in _EQUAL else []
    if body.interest is MovedInterest.WAIVED:
        run.book(Flow.INTEREST_WAIVED, event.event_id, event, {"interest": interest})
        interest, agreed = 0, 0
    added = _new_dues(run, day, body)
    if body.interest in _EQUAL:
        later = max(agreed - interest, 0) if body.interest is MovedInterest.EQUAL_PARTS_OF_ALL else 0
        if not run.terms.interest_as_agreed:
            key = f"{run.plan.plan_id}/{day}/{event.event_id}"
            run.book(Flow.INTEREST_ACCRUED, key, event, {"interest": later})
            interest, later = interest + later, 0
        _equal(run, added, principal, interest, later, fees=[fee.open for fee in fees])
        for fee in fees:
            _share_fee(run, fee, added)
    else:
        _level(run, added, principal, interest)
    if not run.terms.reschedule_resets_delinquency:
        added[0].counts_from = min(oldest, added[0].counts_from)
    run.version += 1


def re_amortised(run: RunningPlan, event: PlanEvent, body: ReAmortised) -> None:
    """Move what is past due to the instalments to come, which keep their dues and are made level again."""
    day = event.value_date
    past = [line for line in run.lines if line.due_on <= day]
    to_come = [line for line in run.lines if line.due_on > day and not line.kept and line.open > 0]
    if not to_come or run.charged_off is not None:
        return
    principal = interest = 0
    for line in past:
        free = line.open_principal - line.disputed
        if line.open:
            line.keep()
        line.principal -= free
        line.level -= free
        principal += free
        interest += _move_interest(line)
    owed = sum(line.principal - line.credited for line in to_come) + principal
    if not any(line.period.day_price for line in to_come):
        _add_parts(run, to_come, principal)
    elif body.interest is MovedInterest.EQUAL_PARTS:
        _level(run, to_come, owed, 0, rests=run.rests)
    else:
        if body.interest is MovedInterest.WAIVED:
            run.book(Flow.INTEREST_WAIVED, event.event_id, event, {"interest": interest})
            interest = 0
        _level(run, to_come, owed, interest, rests=run.rests)
    if body.interest is MovedInterest.EQUAL_PARTS:
        part = round(Fraction(interest, len(to_come)))
        for line in to_come:
            _owe_interest(line, part)
            line.level += part
        _book_rounding(run, event, interest, len(to_come) * part)
        for fee in _take_fees(past):
            _share_fee(run, fee, to_come)
    run.version += 1


def rate_changed(run: RunningPlan, body: RateChanged) -> None:
    """Let the days after `effective_from` bear another rate, and make the instalments that end after it level again."""
    if run.charged_off is not None or not (run.base_rate or _bear_from_now_on(run, body)):
        return
    factor = Fraction(body.annual_rate_basis_points) / run.base_rate
    changes = [each for each in run.rates if each.since != body.effective_from]
    run.rates = sorted([*changes, RateChange(body.effective_from, factor)], key=lambda each: each.since)
    bearing = [line for line in _schedule(run) if line.period.day_price]  # others have a fixed amount
    _make_level(run, [line for line in bearing if line.due_on >= body.effective_from])
    run.version += 1


def _bear_from_now_on(run: RunningPlan, body: RateChanged) -> bool:
    """Price the periods of a plan agreed without interest at its first rate, which counts from the change only."""
    if not body.annual_rate_basis_points or run.terms.interest is None:
        return False
    run.base_rate = Fraction(body.annual_rate_basis_points)
    run.rates = [RateChange(run.plan.opened_on - timedelta(days=1), Fraction(0))]
    for line in _schedule(run):
        line.period.day_price = period_at_rate(run, line.period.begins, line.period.until).day_price
    run.bears_interest = True
    return True


def interest_paused(run: RunningPlan, body: InterestPaused) -> None:
    """Let days bear no interest. Dues stay, and days past due count on."""
    run.rests.append(Pause(PauseReason.INTEREST, body.starts, body.ends))
    run.version += 1


def dues_moved(run: RunningPlan, body: DuesMoved) -> None:
    """Move an open due and the later ones; the period before bears interest for its new length."""
    lines = [line for line in _schedule(run) if line.due_on >= body.due_on]
    spacing = None if run.terms.interest is None else run.terms.interest.spacing
    before = None
    for place, line in enumerate(lines):
        moved = line.due_on + (body.moved_to - body.due_on)
        if spacing is not None:
            moved = spacing.after(body.moved_to, place)
        begins = line.period.begins if before is None else before
        _move_period(run, line, begins, moved)
        line.due_on = line.counts_from = line.grace_from = before = moved
    run.sort_lines()
    if lines:
        run.version += 1


def extended(run: RunningPlan, body: Extended) -> None:
    """Add instalments after the last one, and make those that are open level again."""
    spacing = None if run.terms.interest is None else run.terms.interest.spacing
    lines = [line for line in _schedule(run) if line.due_on >= body.effective_from]
    if not lines or run.charged_off is not None:
        return
    every = spacing or Spacing(max((lines[-1].period.until - lines[-1].period.begins).days, 1), Unit.DAYS)
    first, number = lines[0].due_on, _top(run)
    for _ in range(body.instalments):
        number += 1
        after, until = lines[-1].due_on, every.after(first, len(lines))
        lines.append(_line(run, number, until, period_at_rate(run, after, until)))
    _make_level(run, lines)
    run.version += 1


def terminated(run: RunningPlan, event: PlanEvent) -> None:
    """End the agreement: all principal and the interest so far are due on the day, and no more interest accrues."""
    if run.charged_off is not None:
        return
    bring_forward(run, event.value_date)
    for line in run.lines:
        line.keep()
    run.version += 1


def _schedule(run: RunningPlan) -> list[RunningInstalment]:
    """The instalments of the schedule that are not paid in full."""
    return [line for line in run.lines if not line.kept and line.open > 0]


def _top(run: RunningPlan) -> int:
    return max(line.number for line in run.lines)


def _cut(run: RunningPlan, day: date, interest: MovedInterest) -> None:
    """End the running period on a day: its instalment and the fees of later ones are due then."""
    to_come = [line for line in run.lines if line.due_on > day]
    if not to_come:
        return
    stays = next((line for line in reversed(run.lines) if line.due_on <= day), None)
    begun = day in {run.plan.opened_on, *(line.due_on for line in run.lines)}
    current = to_come[0]
    if (begun or interest is MovedInterest.WAIVED) and stays is not None:
        current = stays
    elif interest is not MovedInterest.WAIVED or current.paid or current.open_fees:
        current.due_on = current.counts_from = current.grace_from = day
    for line in to_come:
        if line is not current:
            current.fees += [fee for fee in line.fees if fee.open]
            line.fees = [fee for fee in line.fees if not fee.open]
            if line.paid and not line.disputed:
                run.merge(line, current)
    run.sort_lines()


def _move_interest(line: RunningInstalment) -> int:
    """Take the open interest accrued so far off an instalment."""
    moved = line.open_accrued
    line.interest_gone += moved
    return moved


def _new_dues(run: RunningPlan, day: date, body: ReAged) -> list[RunningInstalment]:
    spacing = Spacing(body.every, body.unit)
    number, after = _top(run), day
    added = []
    for times in range(body.instalments):
        due_on = spacing.after(body.first_due_on, times)
        added.append(_line(run, number + 1 + times, due_on, period_at_rate(run, after, due_on)))
        after = due_on
    return added


def _line(run: RunningPlan, number: int, due_on: date, period: InterestPeriod) -> RunningInstalment:
    line = RunningInstalment(f"{run.plan.plan_id}/{number}", number, due_on, due_on, due_on, period)
    run.add(line)
    return line


def _make_level(run: RunningPlan, lines: Sequence[RunningInstalment]) -> None:
    """Make instalments level that repay their principal, and the interest that earlier ones had no room for."""
    lines = [line for line in lines if line.paid < line.level or not line.level]
    if not lines:
        return
    carried = 0
    for line, accrual in zip(run.lines, accruals_of(run), strict=True):
        if line.due_on < lines[0].due_on and not line.kept and line.paid >= line.level > 0:
            carried += max(0, round(accrual.exact(line.period.until)) - line.interest)
    _level(run, lines, sum(line.principal - line.credited for line in lines), carried, owed_before=True)


def _level(
    run: RunningPlan,
    lines: Sequence[RunningInstalment],
    principal: int,
    interest: int,
    *,
    owed_before: bool = False,
    rests: Sequence[Pause] = (),
) -> None:
    """Let instalments repay principal in equal amounts, with interest so far, which bears none, in the first.

    `owed_before`: that interest grew with earlier instalments and is carried over from them. `rests`: pauses whose
    days the equal amounts leave out.
    """
    rates = [rate_of_period(run, line.period, rests) for line in lines]
    fixed = [line.fixed for line in lines]
    level, parts = level_parts(principal, interest, rates, run.terms.shipments.multiple_of, fixed)
    if not owed_before:
        _owe_interest(lines[0], interest)
    for line, (part, owed) in zip(lines, parts, strict=True):
        line.level, line.agreed = part + owed if line is lines[-1] else level, part
        line.principal = part + line.credited
        line.interest = owed + line.interest_gone
    run.bears_interest = run.bears_interest or any(rates)


def _add_parts(run: RunningPlan, lines: Sequence[RunningInstalment], principal: int) -> None:
    """Owe equal parts of principal with instalments that bear no interest."""
    for line, part in zip(lines, equal_parts(principal, len(lines), run.terms.shipments.multiple_of), strict=True):
        line.principal += part
        line.agreed += part
        line.level += part


def _equal(
    run: RunningPlan,
    lines: Sequence[RunningInstalment],
    principal: int,
    interest: int,
    later: int,
    *,
    fees: Sequence[int],
) -> None:
    """Let instalments be equal parts of all that is owed; `later` is the part of interest that has not accrued.

    Interest and each fee are divided by themselves; principal is what they leave of each instalment.
    """
    whole = equal_parts(interest + later, len(lines))
    unit = run.terms.shipments.multiple_of
    levels = equal_parts(principal + interest + later + sum(fees), len(lines), unit)
    accrued = equal_parts(interest, len(lines))
    of_fees = [sum(parts) for parts in zip(*(equal_parts(fee, len(lines)) for fee in fees), strict=True)]
    parts = [level - owed - fee for level, owed, fee in zip(levels, whole, of_fees or [0] * len(lines), strict=True)]
    if min(parts) < 0:  # so little principal that rounding takes more than an instalment has of it
        parts = equal_parts(principal, len(lines))
    left = principal
    for line, part, owed, grown in zip(lines, parts, whole, accrued, strict=True):
        period = InterestPeriod.priced(line.period.after, line.period.until, owed - grown, left)
        line.period = period
        line.level, line.agreed = part + owed - grown, part
        line.principal, line.interest = part, owed - grown
        _owe_interest(line, grown)
        line.level += grown
        left -= part
    run.bears_interest = run.bears_interest or later > 0


def _book_rounding(run: RunningPlan, event: PlanEvent, before: int, after: int) -> None:
    """Waive, or accrue, the units that interest so far differs by when its parts are rounded one by one."""
    run.book(Flow.INTEREST_WAIVED, event.event_id, event, {"interest": max(0, before - after)})
    key = f"{run.plan.plan_id}/{event.value_date}/{event.event_id}"
    run.book(Flow.INTEREST_ACCRUED, key, event, {"interest": max(0, after - before)})


def _owe_interest(line: RunningInstalment, interest: int | Fraction) -> None:
    """Owe accrued interest with an instalment."""
    line.fixed += round(interest)
    line.period.grown += interest
    line.accrued += round(interest)
    line.interest += round(interest)


def _take_fees(lines: Sequence[RunningInstalment]) -> list[Fee]:
    """Take the open fees off instalments; one that is paid in part stays with what was paid."""
    fees = [fee for line in lines for fee in line.fees if fee.open]
    for line in lines:
        line.fees = [fee for fee in line.fees if fee.paid or not fee.open]
    return fees


def _share_fee(run: RunningPlan, fee: Fee, lines: Sequence[RunningInstalment]) -> None:
    """Divide what is open of a fee over instalments."""
    parts = equal_parts(fee.open, len(lines))
    fee.gone += fee.open
    for line, part in zip(lines, parts, strict=True):
        each = replace(fee, fee_id=f"{fee.fee_id}/{line.number}", amount=part, paid=0, waived=0, gone=0)
        line.fees.append(each)
        run.fees[each.fee_id] = each


def _move_period(run: RunningPlan, line: RunningInstalment, begins: date, until: date) -> None:
    """Let a period be other days, at the plan's rate."""
    period = line.period
    gone = (period.after - period.begins).days
    left = (until - max(period.after, begins)).days
    if run.terms.interest is not None and period.day_price and left > 0:
        whole = period_at_rate(run, begins, until).day_price * (until - begins).days
        period.day_price = (whole - gone * period.day_price) / left
    period.after = max(period.after, begins) if gone else begins
    period.begins, period.until = begins, until
