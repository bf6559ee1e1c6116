"""Debt that is no longer expected: charge-off (F30), recovery (F32), write-off (F31), returns after a charge-off."""

from collections.abc import Mapping
from datetime import date

from ledger.map.flow import Flow
from lending.plan.debt import Debt, Owed
from lending.plan.event import ChargedOff, Paid, PaidOff, PaymentChannel, PlanEvent, Recovered, WrittenOff
from lending.plan.interest import end_interest
from lending.plan.running import Payment, RunningPlan
from lending.plan.withhold_refund import use_up, withhold
from lending.terms.servicing_terms import ChargeOffInterest, Component


def charged_off(run: RunningPlan, event: PlanEvent, body: ChargedOff) -> None:
    """F30: take everything open off the books. The shopper still owes it, but interest stops accruing."""
    if run.charged_off is not None:
        return
    run.fraud = run.fraud or body.fraud
    if run.terms.charge_off_interest is not ChargeOffInterest.AGREED:
        end_interest(run)
    if run.terms.charge_off_interest is ChargeOffInterest.ACCELERATED:
        bring_forward(run, event.value_date)
    run.charged_off, off = _take_off(run)
    allowance = min(off.principal, 0 if body.allowance is None else body.allowance.minor)
    amounts = _expenses(run, off, allowance) | {"still_owed": run.charged_off.total}
    run.book(Flow.CHARGED_OFF, event.event_id, event, amounts)


def written_off(run: RunningPlan, event: PlanEvent, body: WrittenOff) -> None:
    """F31: forgive what is open and what was charged off."""
    forgiven = run.charged_off or Debt()
    _, off = _take_off(run)
    allowance = min(off.principal, 0 if body.allowance is None else body.allowance.minor)
    run.book(
        Flow.WRITTEN_OFF, event.event_id, event, _expenses(run, off, allowance) | {"no_longer_owed": forgiven.total}
    )
    given_up = off.principal + forgiven.principal
    run.forgiven.fraud += given_up if run.fraud else 0
    run.forgiven.charge_off += 0 if run.fraud else given_up
    run.charged_off = Debt()
    run.written_off = True


def recovered(run: RunningPlan, event: PlanEvent, body: Recovered | Paid | PaidOff) -> None:
    """F32: book money for a charged-off debt; any excess becomes the shopper's credit."""
    owed = run.charged_off or Debt()
    payment = Payment(
        event.event_id,
        event.value_date,
        body.payment_id,
        body.channel,
        body.amount.minor,
        body.provider,
        body.rail,
        recovered=Owed(),
    )
    run.payments[event.event_id] = payment
    payment.recovered = owed.pay(body.amount.minor, run.terms.allocation)
    payment.credit = body.amount.minor - payment.recovered.total
    run.credit += payment.credit
    transfer = body.channel is PaymentChannel.TRANSFER
    commission = body.commission if isinstance(body, Recovered) else None
    held = body.held if isinstance(body, Paid) else None
    run.book(
        Flow.RECOVERY,
        body.booking_key if isinstance(body, Paid) else body.payment_id,
        event,
        {
            "identified" if transfer else "captured": body.amount.minor,
            "recovery": payment.recovered.total,
            "credit_balance": payment.credit,
            "no_longer_owed": payment.recovered.total,
            "commission": 0 if commission is None else commission.minor,
        },
        names={"provider": body.provider},
        correlation={"line_id" if transfer else "attempt_id": body.payment_id},
        voids=None if held is None else held.hold_id,
    )


def take_back_off_the_books(
    run: RunningPlan,
    event: PlanEvent,
    payment: Payment,
    amount: int,
    *,
    flows: tuple[str, str],
    key: str,
    names: Mapping[str, str | None],
    correlation: Mapping[str, str],
) -> None:
    """Book a payment that is returned after the charge-off: the debt off the books rises by what credit does not cover.

    A refund that is payable is withheld first, since the shopper has that money back by the return.
    `flows`: the flow for a payment made before the charge-off, then the flow for a recovery.
    """
    withheld = withhold(run, event, amount - payment.credit, key)
    credit = min(min(run.free_credit, payment.credit) + withheld, amount)
    use_up(run, withheld)
    run.credit -= credit
    payment.credit -= min(credit, payment.credit)
    payment.given_back += amount
    again = amount - credit
    owed = run.charged_off = run.charged_off or Debt()
    due = run.lines[-1].instalment_id
    amounts = {"credit_balance": credit, "owed_again": again}
    if payment.recovered is None:
        left = again
        for piece in reversed(payment.pieces):
            part = min(left, piece.amount)
            owed.add(piece.line.instalment_id, Owed(part))
            left -= part
        owed.add(due, Owed(left))
        run.beyond_purchase += max(again - payment.of(Component.PRINCIPAL), 0)
        amounts["fraud" if run.fraud else "charge_off"] = again
    else:
        undone = payment.recovered.take(again)
        owed.add(due, Owed(again - undone.interest - undone.fees, undone.interest, undone.fees))
        amounts["recovery"] = again
    flow = flows[0] if payment.recovered is None else flows[1]
    run.book(flow, key, event, amounts, names=names, correlation=correlation)


def _take_off(run: RunningPlan) -> tuple[Debt, Owed]:
    """Take everything open off the books; returns what is still owed by instalment, and what was on the books.

    They differ by interest that has not accrued, which stays owed where the terms say so.
    """
    debt, off = Debt(), Owed()
    agreed = run.terms.charge_off_interest is ChargeOffInterest.AGREED
    for line in run.lines:
        part = Owed(line.open_principal, line.open_interest if agreed else line.open_accrued, line.open_fees)
        off.add(Owed(part.principal, line.open_accrued, part.fees))
        if agreed:
            line.accrued = line.interest
        line.keep()
        line.credited += part.principal
        line.interest_gone += part.interest
        line.disputed = 0
        for fee in line.fees:
            fee.gone += fee.open
        debt.add(line.instalment_id, part)
    return debt, off


def bring_forward(run: RunningPlan, day: date) -> None:
    """Let the instalment whose period contains the day be the last, due that day; the later ones merge into it.

    Fees that fall due later keep a due of their own, the latest of their days.
    """
    to_come = [line for line in run.lines if line.due_on >= day and not line.kept]
    if not any(line.open for line in to_come):
        return
    last, *later = to_come
    last.due_on = last.counts_from = last.grace_from = day
    for line in later:
        run.merge(line, last)
    with_fees = [line for line in later if line.fees]
    if with_fees:
        own = with_fees[0]
        own.due_on = own.counts_from = own.grace_from = max(
            fee.due_on or line.due_on for line in with_fees for fee in line.fees
        )
        for line in with_fees[1:]:
            own.fees += line.fees
            line.fees = []
    run.sort_lines()


def _expenses(run: RunningPlan, off: Owed, allowance: int) -> dict[str, int]:
    borne = "fraud" if run.fraud else "charge_off"
    return {
        "allowance": allowance,
        borne: off.principal - allowance,
        "interest": off.interest,
        "fees": off.fees,
    }
