"""Interest on what is really owed: it grows day by day (F17), and each instalment is split anew after every event.

The price of a period, its interest on one unit of principal, is what the schedule agreed. On it grows the interest of
the principal that is owed and undisputed, but not of more than the schedule says: money that is past due is free,
unless the terms let it bear interest. Paid early, principal bears less from the next day on.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from fractions import Fraction

from ledger.map.flow import Flow
from lending.plan.accrual import Accrual, Stretch, bearing_days
from lending.plan.event import PlanEvent
from lending.plan.running import RunningInstalment, RunningPlan
from lending.terms.servicing_terms import Component, LateInterest, PayoffInterest


def accrue_to(run: RunningPlan, day: date) -> None:
    """Accrue interest up to and including `day`: one booking for each day after `accrued_from` that bears interest."""
    since = run.accrued_to
    if day <= since:
        return
    run.accrued_to = day
    if not run.bears_interest:
        return
    grown: Counter[date] = Counter()
    for line, accrual in zip(run.lines, accruals_of(run), strict=True):
        if accrual.day_price and accrual.ends_after(accrual.after) and accrual.after < day:
            grown.update(dict(_grow(run, line, accrual, day)))
    for current, interest in sorted(grown.items()):
        if interest:
            run.book_derived(Flow.INTEREST_ACCRUED, f"{run.plan.plan_id}/{current}", current, {"interest": interest})
    split_again(run)


def accruals_of(run: RunningPlan) -> list[Accrual]:
    """How each instalment's interest grows from now on, while no event comes."""
    if run.terms.interest_as_agreed:
        return [_as_agreed(line) for line in run.lines]
    owed = 0 if run.settled_by is not None else max(_principal(run), 0)
    last = next((line for line in reversed(run.lines) if not line.kept), None)
    late = run.terms.late_interest
    accruals = []
    for line, most in zip(run.lines, _scheduled(run), strict=True):
        period = line.period
        bearing = min(owed, most) if late is LateInterest.NONE else owed
        until = None if late is LateInterest.UNTIL_PAID and line is last else period.until
        accruals.append(
            Accrual(period.after, until, period.grown, period.day_price, bearing, tuple(run.rests), tuple(run.rates))
        )
    return accruals


def _as_agreed(line: RunningInstalment) -> Accrual:
    """The interest of an instalment that has not accrued, spread evenly over the days left of its period."""
    period = line.period
    days = (period.until - period.after).days
    left = line.interest - period.grown
    return Accrual(period.after, period.until, period.grown, left / days if days > 0 else Fraction(0), 1)


def split_again(run: RunningPlan) -> None:
    """Split each instalment of the schedule into interest and principal as they are expected now.

    Each instalment keeps its level, so what interest no longer needs of it repays principal, and the last ones fall
    away. Interest beyond a level, or that grows after more principal was paid than it leaves, is owed with the next.
    """
    if run.terms.interest_as_agreed:
        for line in run.lines:
            line.accrued = round(line.period.grown)
    elif run.bears_interest:
        _split(run)


def end_interest(run: RunningPlan) -> None:
    """Let no further interest accrue; what it leaves of each instalment repays principal."""
    for line in run.lines:
        line.period.day_price = Fraction(0)
    if run.bears_interest:
        _split(run)


def _split(run: RunningPlan) -> None:
    own = _last_unpaid_last([line for line in run.lines if not line.kept])
    if not own:
        return
    left = sum(line.open_principal for line in own)
    disputed = sum(line.disputed for line in own)
    most = sum(line.agreed for line in own)
    spent = _spent_later(own)
    carried = unaccrued = 0
    for line, later in zip(own, spent, strict=True):
        grown = round(line.period.grown)
        bearing = left - disputed - run.free_credit if line.due_on <= own[-1].due_on else 0
        coming = _to_come(run, line, min(bearing, most) if run.terms.late_interest is LateInterest.NONE else bearing)
        owed = round(line.period.grown + coming) + carried - line.interest_gone
        if line is own[-1]:
            interest, principal = max(owed, line.interest_paid), line.repaid + left
            line.accrued = grown + unaccrued
        else:
            room = max(line.level - line.disputed, line.interest_paid)
            interest = min(max(owed - later, line.interest_paid), room)
            if line.repaid > line.level - line.disputed - interest:
                interest = line.interest_paid
            most_here = line.repaid + left - (disputed - line.disputed)  # what is disputed stays with its instalment
            principal = min(max(line.level - interest, line.repaid + line.disputed, line.least), most_here)
            line.accrued = min(grown + unaccrued - later, interest + line.interest_gone)
        carried = owed - interest
        unaccrued += grown - line.accrued
        left -= principal - line.repaid
        disputed -= line.disputed
        most -= line.agreed
        line.principal, line.interest = principal + line.credited, interest + line.interest_gone


def accrue_paid_ahead(run: RunningPlan, event: PlanEvent) -> None:
    """Accrue at once the interest that is paid before its days have passed, where it is owed as agreed (F17)."""
    if not run.terms.interest_as_agreed:
        return
    before = run.accrued
    for line in run.lines:
        line.period.grown = max(line.period.grown, Fraction(line.interest_paid + line.interest_gone))
    key = f"{run.plan.plan_id}/{event.value_date}/{event.event_id}"
    run.book(Flow.INTEREST_ACCRUED, key, event, {"interest": run.accrued - before})


def owe_interest_after_all(run: RunningPlan, event: PlanEvent, principal: int, *, since: date) -> None:
    """Accrue the interest on principal whose payment since a day did not stand, as if it had never been paid (F17)."""
    if run.terms.interest_as_agreed:
        return
    before = run.accrued
    for stretch in run.stretches:
        if stretch.after >= since:
            run.by_id[stretch.line].period.grown += stretch.owing(principal)
    key = f"{run.plan.plan_id}/{event.value_date}/{event.event_id}"
    run.book(Flow.INTEREST_ACCRUED, key, event, {"interest": run.accrued - before})


def interest_on(run: RunningPlan, principal: int) -> int:
    """The interest that principal has borne so far, which from now on counts as never lent.

    It is the difference between what has accrued and what would have, each instalment rounded to the unit. Payments
    would have paid less interest, and so would have repaid more principal.
    """
    less = dict.fromkeys((line.instalment_id for line in run.lines), Fraction(0))
    saved: Counter[str] = Counter()
    payments = deque(sorted(run.payments.values(), key=lambda payment: payment.day))
    for stretch in run.stretches:
        while payments and payments[0].day <= stretch.after:
            for piece in payments.popleft().pieces_of(Component.INTEREST):
                line = piece.line
                fallen = round(line.period.grown) - round(line.period.grown + less[line.instalment_id])
                part = min(max(fallen - saved[line.instalment_id], 0), piece.amount)
                saved[line.instalment_id] += part
                principal += part
        less[stretch.line] += stretch.owing(-principal)
    grown = [(line.period.grown, line.period.grown + less[line.instalment_id]) for line in run.lines]
    return sum(round(before) - round(after) for before, after in grown)


def interest_to_rest(run: RunningPlan) -> int:
    """The interest that a payment which settles everything owes beyond the day, up to the next due."""
    if run.terms.payoff_interest is PayoffInterest.TO_THE_DAY or run.terms.interest_as_agreed:
        return 0
    line, coming = _running(run)
    return 0 if line is None else round(line.period.grown + coming) - round(line.period.grown)


def accrue_to_rest(run: RunningPlan, event: PlanEvent) -> None:
    """Accrue the interest of the running period at once, because everything is being settled (F17)."""
    line, coming = _running(run)
    if line is None or run.terms.payoff_interest is PayoffInterest.TO_THE_DAY or run.terms.interest_as_agreed:
        return
    before = run.accrued
    line.period.grown += coming
    line.period.after = line.period.until
    key = f"{run.plan.plan_id}/{event.value_date}/{event.event_id}"
    run.book(Flow.INTEREST_ACCRUED, key, event, {"interest": run.accrued - before})
    split_again(run)


def _running(run: RunningPlan) -> tuple[RunningInstalment | None, Fraction]:
    """The instalment whose period is running, and the interest that the rest of it adds to what is owed now."""
    line = next((line for line in run.lines if line.period.after < line.period.until and not line.kept), None)
    return line, Fraction(0) if line is None else _to_come(run, line, _principal(run))


class Levels:
    """The unpaid part of instalments before their principal falls, by which they can be made smaller afterwards."""

    def __init__(self, lines: Iterable[RunningInstalment]) -> None:
        self._unpaid = [(line, line.level - line.paid) for line in lines]
        self._before = self._principal()

    def fall(self) -> None:
        """Let each unpaid part fall in proportion to the open principal of all."""
        after = self._principal()
        for line, unpaid in self._unpaid:
            if self._before:
                line.level = line.paid + round(Fraction(unpaid * after, self._before))

    def _principal(self) -> int:
        return sum(line.open_principal for line, _ in self._unpaid)


def _grow(run: RunningPlan, line: RunningInstalment, accrual: Accrual, day: date) -> Iterator[tuple[date, int]]:
    """Let the days up to `day` pass; yields the growth of each day that is to be booked, in whole units."""
    since = accrual.after
    booked_from = since if run.accrued_from is None else max(since, run.accrued_from)
    until = day if accrual.until is None else min(day, accrual.until)
    yield from accrual.growth(booked_from, until)
    most = _scheduled(run)[run.lines.index(line)] if run.terms.late_interest is LateInterest.NONE else None
    days = accrual.days(until)
    run.stretches.append(Stretch(since, days, _principal(run), most, accrual.day_price, line.instalment_id))
    line.period.grown = accrual.exact(until)
    line.period.after = until


def _to_come(run: RunningPlan, line: RunningInstalment, bearing: int) -> Fraction:
    """The interest that the rest of an instalment's period adds, if what is due before is paid on its day."""
    period = line.period
    if run.settled_by is not None or not period.day_price or bearing <= 0:
        return Fraction(0)
    return bearing_days(period.after, period.until, run.rests, run.rates) * bearing * period.day_price


def _last_unpaid_last(lines: list[RunningInstalment]) -> list[RunningInstalment]:
    """The lines of the schedule, the last one that is not paid in full at the end, as it takes what is left."""
    for line in reversed(lines):
        if line.paid < line.level:
            return [*(each for each in lines if each is not line), line]
    return lines


def _spent_later(lines: Sequence[RunningInstalment]) -> list[int]:
    """For each instalment, the interest that has to be carried over it, because later ones have paid it already."""
    needed = [0]
    for line in reversed(lines[1:]):
        spent = line.interest_paid + line.interest_gone
        needed.append(max(0, needed[-1] + spent - round(line.period.grown)))
    return needed[::-1]


def _principal(run: RunningPlan) -> int:
    """The principal owed and undisputed, less the credit that could pay it; below zero where there is more credit."""
    return sum(line.open_principal - line.disputed for line in run.lines) - run.free_credit


def _scheduled(run: RunningPlan) -> list[int]:
    """For each instalment, the principal that the schedule says is still owed in its period."""
    left, owed = 0, []
    for line in reversed(run.lines):
        left += line.agreed
        owed.append(left)
    return owed[::-1]
