"""Works out how a part of the order or of the loan is repaid when it is captured: in instalments made level again."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import count

from lending.plan.accrual import InterestPeriod
from lending.plan.delinquency import days_late
from lending.plan.event import PlanEvent
from lending.plan.running import RunningInstalment, RunningPlan
from lending.schedule.amortise import RepaymentPeriod, Split, down_payment, levelled
from lending.schedule.day_count import DIGITS
from lending.terms.servicing_terms import LaterShipment


def repay_part(run: RunningPlan, event: PlanEvent, amount: int) -> None:
    """Add a captured part: its down payment is due at once, and the rest with the instalments due after that day.

    Either they become level as in a new schedule of all that they repay now, or the part is repaid beside the others
    like a loan of its own. Interest of the day's period counts as it is: that of the principal before for the days so
    far, and of all of it for the days to come. What interest on late principal has added to the last instalment stays
    with the last one.
    """
    more = amount - _owe_down_payment(run, event, amount)
    own_term = run.terms.shipments.later is LaterShipment.OWN_TERM and run.captured.amount > 0
    if own_term:
        _lengthen(run, event)
    own = _open(run, event.value_date)
    if not own:
        _owe_with_last(run, event, more)
    elif own_term:
        first = own[0].period.day_price * _days(run, own[0], event.value_date)
        _add(own, _level(run, own, more, more * first))
    else:
        fixed = _fixed_interest(run, own)
        known = _known_interest(run, event.value_date, own, more) - fixed.get(own[0].instalment_id, Fraction(0))
        owed = sum(line.principal - line.credited for line in own)
        scheduled = min(owed, sum(line.agreed for line in own))
        parts = _level(run, own, scheduled + more, known)
        for line in own:
            line.level = line.agreed = 0
            line.principal, line.interest, line.scheduled = line.credited, line.interest_gone, Fraction(0)
        _add(own, parts)
        own[-1].principal += owed - scheduled
        own[-1].level += owed - scheduled
        _owe_fixed(own, fixed)
        _keep_what_is_paid(own)


def _level(
    run: RunningPlan, own: Sequence[RunningInstalment], principal: int, known: Fraction
) -> list[tuple[Split, Fraction]]:
    """Level amounts that repay principal, and the exact interest of each; that of the first is known."""
    begins = dict(_begins(run))
    periods = []
    for place, line in enumerate(own, 1):
        days = (line.period.until - begins[line.instalment_id]).days
        rate = _decimal(line.period.day_price * days)
        periods.append(RepaymentPeriod(place, line.period.until, days, rate, None if place > 1 else _decimal(known)))
    splits = levelled(principal, periods, run.terms.shipments.multiple_of)
    exact, left = [known], principal
    for period, split in zip(periods[1:], splits, strict=False):
        left -= split.principal
        exact.append(Fraction(period.rate) * left)
    return list(zip(splits, exact, strict=True))


def _add(own: Sequence[RunningInstalment], parts: Sequence[tuple[Split, Fraction]]) -> None:
    for line, (split, exact) in zip(own, parts, strict=True):
        line.level += split.amount
        line.agreed += split.principal
        line.scheduled += exact
        line.principal += split.principal
        line.interest += split.interest


def _keep_what_is_paid(own: Sequence[RunningInstalment]) -> None:
    """Owe no less with an instalment than is paid or disputed there; the last ones give what others lack."""
    for line in own:
        line.interest = max(line.interest, line.interest_paid + line.interest_gone)
        lacking = max(0, line.disputed - line.open_principal)
        for other in reversed(own):
            given = min(lacking, max(0, other.open_principal - other.disputed))
            for each, sign in ((line, 1), (other, -1)):
                each.principal += sign * given
                each.agreed += sign * given
                each.level += sign * given
            lacking -= given


def _lengthen(run: RunningPlan, event: PlanEvent) -> None:
    """Add instalments after the last, until as many as were agreed are due after a day.

    The last one so far still takes what is left of the parts before. Fees on days beyond it move to the new ones.
    """
    spacing, day = run.terms.shipments.spacing, event.value_date
    own = [line for line in run.lines if not line.kept]
    if spacing is None or not own:
        return
    last = own[-1]
    last.level = last.principal - last.credited + last.interest - last.interest_gone
    agreed = len([each for each in run.plan.instalments if each.number])
    before = own[-1].period.until
    for _ in range(agreed - len([line for line in own if line.due_on > day])):
        to_come = (spacing.after(run.plan.opened_on, times) for times in count(1))
        due_on = run.terms.days.due_on(next(each for each in to_come if each > before))
        top = max(line.number for line in run.lines) + 1
        period = InterestPeriod.at_rate(before, due_on, run.rate_of(before, due_on))
        line = RunningInstalment(f"{run.plan.plan_id}/{top}", top, due_on, due_on, due_on, period)
        run.add(line)
        before = due_on
    _move_fees(run, after=own[-1].due_on)


def _move_fees(run: RunningPlan, *, after: date) -> None:
    """Owe unpaid fees on days beyond a due with the instalments in whose periods these days lie now."""
    own = [line for line in run.lines if not line.kept]
    beyond = [line for line in run.lines if line.kept and line.due_on > after and line.fees and not line.principal]
    for line in beyond:
        for fee in [fee for fee in line.fees if fee.due_on is not None and fee.open == fee.amount]:
            due = next((each for each in own if fee.due_on is not None and each.due_on >= fee.due_on), None)
            if due is not None:
                line.fees.remove(fee)
                due.fees.append(fee)
                fee.instalment_id = due.instalment_id
        if not line.fees:
            run.lines.remove(line)
            del run.by_id[line.instalment_id]


def _owe_down_payment(run: RunningPlan, event: PlanEvent, amount: int) -> int:
    """Owe the part of a captured amount that is paid at once: the agreed first due, or one more on its own day."""
    rule = run.terms.shipments
    down = down_payment(run.money(amount), rule.down_payment_percent, rule.multiple_of).minor
    if not down:
        return 0
    line = next((line for line in run.lines if line.number == 0), None)
    if line is None or run.captured.amount:
        line = run.add_due(event, on=event.value_date)
    line.kept = True
    line.principal += down
    line.level += down
    return down


def _open(run: RunningPlan, day: date) -> list[RunningInstalment]:
    """The instalments of the schedule that are due after a day and are not met; at the opening, all of them."""
    opening = not run.captured.amount
    own = [line for line in run.lines if not line.kept and (line.due_on > day or opening)]
    return [line for line in own if opening or run.terms.interest_as_agreed or line.paid < line.level or not line.level]


def _owe_with_last(run: RunningPlan, event: PlanEvent, principal: int) -> None:
    """Owe principal with the last instalment of the schedule, as none is open."""
    last = next((line for line in reversed(run.lines) if not line.kept), None) or run.add_due(event)
    last.principal += principal
    last.agreed += principal
    last.level += principal


def _known_interest(run: RunningPlan, day: date, own: Sequence[RunningInstalment], more: int) -> Fraction:
    """The exact interest of the first open instalment: of its own period, and of one before that was met ahead."""
    first = own[0]
    if run.terms.interest_as_agreed:
        so_far = (
            first.scheduled if round(first.scheduled) >= first.interest else Fraction(first.interest)
        )  # some waited
        return so_far + more * first.period.day_price * _days(run, first, day)
    bearing = sum(line.open_principal for line in own) + more
    waiting = [
        line.period.grown
        + bearing * line.period.day_price * _days(run, line, day)
        - line.interest_paid
        - line.interest_gone
        for line in run.lines
        if not line.kept and day < line.period.until < first.period.until
    ]
    coming = bearing * first.period.day_price * _days(run, first, day)
    return first.period.grown + coming + max(Fraction(0), sum(waiting, Fraction(0)))


def _fixed_interest(run: RunningPlan, own: Sequence[RunningInstalment]) -> dict[str, Fraction]:
    """The open interest that a re-age has fixed for instalments in equal parts, which a shipment does not change."""
    if run.terms.interest_as_agreed:
        return {}
    return {
        line.instalment_id: line.period.grown - line.interest_gone
        for line in own
        if line is not own[0] or not line.period.day_price
    }


def _owe_fixed(own: Sequence[RunningInstalment], fixed: Mapping[str, Fraction]) -> None:
    for line in own:
        interest = fixed.get(line.instalment_id, Fraction(0))
        line.level += round(interest)
        line.interest += round(interest)
        line.scheduled += interest


def _days(run: RunningPlan, line: RunningInstalment, day: date) -> int:
    """The days of an instalment's period after a day that bear interest."""
    return days_late(max(line.period.after, day), line.period.until, run.rests)


def _begins(run: RunningPlan) -> Iterator[tuple[str, date]]:
    """Each instalment of the schedule with the day after which its period begins."""
    before = run.plan.opened_on
    for line in run.lines:
        if not line.kept:
            yield line.instalment_id, before
            before = line.period.until


def _decimal(exact: Fraction) -> Decimal:
    return DIGITS.divide(Decimal(exact.numerator), Decimal(exact.denominator))
