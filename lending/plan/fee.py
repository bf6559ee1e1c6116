"""Fees of a running plan: late fees by the calendar (F15), fees charged by hand, waivers (F16a, F16b)."""

from datetime import date

from ledger.map.flow import Flow
from lending.plan.allocation import move_to_credit
from lending.plan.debt import Owed
from lending.plan.delinquency import day_late
from lending.plan.event import FeeCharged, FeeKind, FeeWaived, InterestWaived, PlanEvent
from lending.plan.running import Fee, RunningInstalment, RunningPlan
from lending.terms.servicing_terms import EarlyPayment, LateFeeRule


def assess_late_fees(run: RunningPlan, day: date) -> None:
    """F15: charge a late fee once per rule on each instalment whose grace ended by `day`, within the caps.

    The value date of a fee is the first day after the grace.
    """
    rules = run.terms.late_fees.rules
    if not rules or run.charged_off is not None or run.written_off:
        return
    ripe = []
    covered = run.covered(day)
    for line in run.lines:
        if line.grace_from >= day or line.instalment_id in covered:
            continue
        for rule in rules:
            if f"{line.instalment_id}/{rule.rule}" in run.fees or line.claimable <= run.terms.late_fees.tolerance:
                continue
            late_on = day_late(line.grace_from, rule.grace_days + 1, run.pauses)
            if late_on is not None and late_on <= day and not _ahead(run, line, late_on):
                ripe.append((late_on, line.number, rule.rule, line, rule))
    for late_on, _, _, line, rule in sorted(ripe, key=lambda each: each[:3]):
        _assess(run, line, rule, late_on)


def fee_charged(run: RunningPlan, event: PlanEvent, body: FeeCharged) -> None:
    """F15 or F13c: owe the fee with the instalment named, or else with the oldest, where it is open.

    A fee on what is paid has a due of its own. A fee that falls due on a day is owed with the instalment of that day,
    paid or not, and after the last due on that day. One due at once has a due of its own, such as a fee for opening.
    """
    if body.fee_id in run.fees or run.charged_off is not None:
        return
    named = run.by_id.get(body.instalment_id or "")
    line = named or next((each for each in run.lines if each.open > 0), None)
    about = line or run.lines[-1]
    if body.at_once:
        about = line = run.add_due(event, on=event.value_date)
    elif named is None and body.due_on is not None:
        about = line = _due_with(run, event, body.due_on) or run.add_due(event, on=body.due_on)
    elif line is None or line.open <= 0:
        line = run.add_due(event)
    _owe(run, line, Fee(body.fee_id, about.instalment_id, body.amount.minor, body.due_on))
    line.grace_from = max(line.grace_from, event.value_date)
    correlation = {"instalment_id": about.instalment_id, "fee_id": body.fee_id}
    if body.kind is FeeKind.LATE:
        run.late_fees += body.amount.minor
        run.book(Flow.LATE_FEE, body.fee_id, event, {"fees": body.amount.minor}, correlation=correlation)
    else:
        run.book(Flow.RETURN_FEE, body.fee_id, event, {"recharged": body.amount.minor}, correlation=correlation)


def fee_waived(run: RunningPlan, event: PlanEvent, body: FeeWaived) -> None:
    """Waive the unpaid part (F16a) and turn the paid part into credit (F16b). Ignored if the fee no longer exists.

    After a charge-off the unpaid part is owed off the books, where it is forgiven (F31); the paid part stays paid.
    """
    fee = run.fees.get(body.fee_id)
    if fee is None:
        return
    wanted = fee.amount if body.amount is None else body.amount.minor
    unpaid = min(wanted, fee.open)
    off = min(wanted - unpaid, charged_off_part(run, fee))
    paid = 0 if run.charged_off is not None else min(wanted - unpaid, fee.paid)
    fee.gone -= off
    fee.waived += unpaid + off + paid
    if off and run.charged_off is not None:
        run.charged_off.add(_line_of(run, fee), Owed(fees=-off))
        run.book(Flow.WRITTEN_OFF, event.event_id, event, {"no_longer_owed": off})
    move_to_credit(run, fee, paid)
    correlation = {"instalment_id": fee.instalment_id, "fee_id": fee.fee_id}
    run.book(Flow.UNPAID_FEE_WAIVED, event.event_id, event, {"fees": unpaid}, correlation=correlation)
    run.book(Flow.PAID_FEE_WAIVED, event.event_id, event, {"credit_balance": paid}, correlation=correlation)


def waivable(run: RunningPlan, fee: Fee) -> int:
    """The part of a fee that can be waived: paid or not, but after a charge-off only what is still owed."""
    return fee.open + fee.paid if run.charged_off is None else charged_off_part(run, fee)


def charged_off_part(run: RunningPlan, fee: Fee) -> int:
    """What is still owed of a fee off the books."""
    if run.charged_off is None:
        return 0
    return min(fee.gone, run.charged_off.parts.get(_line_of(run, fee), Owed()).fees)


def _line_of(run: RunningPlan, fee: Fee) -> str:
    """The instalment that a fee is owed with."""
    return next((line.instalment_id for line in run.lines if fee in line.fees), fee.instalment_id)


def interest_waived(run: RunningPlan, event: PlanEvent, body: InterestWaived) -> None:
    """F17w: waive open accrued interest, the oldest first."""
    left = body.amount.minor
    for line in run.lines:
        waived = min(left, line.open_accrued)
        line.forgo(waived)
        left -= waived
    run.book(Flow.INTEREST_WAIVED, event.event_id, event, {"interest": body.amount.minor - left})


def _due_with(run: RunningPlan, event: PlanEvent, day: date) -> RunningInstalment | None:
    """The instalment of the schedule in whose period a day lies, or one that is due after the last; None if neither.

    Fees after the last due share a due on the day of the latest, unless the earlier ones are past due.
    """
    own = [line for line in run.lines if not line.kept and line.number]
    last = max((line.due_on for line in own), default=run.plan.opened_on)
    beyond = [line for line in run.lines if line.kept and line.due_on > last]
    line = next((line for line in (*own, *beyond) if line.due_on >= day), None)
    if line is None and beyond and beyond[-1].due_on >= event.value_date and not beyond[-1].principal:
        line = beyond[-1]
        line.due_on = line.counts_from = line.grace_from = day
    return line


def _ahead(run: RunningPlan, line: RunningInstalment, day: date) -> bool:
    """Whether an open instalment is not late, because early payments repaid later ones: no more is owed than agreed."""
    if run.terms.early_payment is EarlyPayment.NEXT_DUES or line.open_fees:
        return False
    owed, agreed = run.outstanding, sum(each.agreed for each in run.lines if each.due_on >= day)
    if run.terms.interest_as_agreed:
        owed += sum(each.open_interest for each in run.lines)
        agreed += sum(each.interest for each in run.lines if each.due_on >= day)
    return owed <= agreed + run.terms.late_fees.tolerance


def _assess(run: RunningPlan, line: RunningInstalment, rule: LateFeeRule, late_on: date) -> None:
    on_it = sum(fee.amount for fee in run.fees.values() if fee.instalment_id == line.instalment_id)
    room = run.terms.late_fees.room(run.captured.amount, run.late_fees, on_it)
    amount = rule.amount.minor if room is None else min(rule.amount.minor, room)
    fee_id = f"{line.instalment_id}/{rule.rule}"
    _owe(run, line, Fee(fee_id, line.instalment_id, amount))
    run.late_fees += amount
    if amount:
        run.book_derived(
            Flow.LATE_FEE, fee_id, late_on, {"fees": amount}, instalment_id=line.instalment_id, fee_id=fee_id
        )


def _owe(run: RunningPlan, line: RunningInstalment, fee: Fee) -> None:
    run.fees[fee.fee_id] = fee
    line.fees.append(fee)
