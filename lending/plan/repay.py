"""Payments of a running plan: paid, paid off early, returned."""

from ledger.map.flow import Flow
from lending.plan.allocation import AllocationSplit, place, split_of, take_back_amounts
from lending.plan.charge_off import recovered, take_back_off_the_books
from lending.plan.event import Held, Paid, PaidOff, PaymentChannel, PlanEvent, Returned
from lending.plan.interest import accrue_paid_ahead, accrue_to_rest, interest_to_rest
from lending.plan.running import Payment, RunningPlan
from lending.plan.withhold_refund import use_up, withhold


def paid(run: RunningPlan, event: PlanEvent, body: Paid) -> None:
    """Allocate a payment; any excess over what is owed becomes the shopper's credit, as does all that has to wait."""
    own_credit = body.channel is PaymentChannel.CREDIT and body.from_plan_id in {None, run.plan.plan_id}
    if run.charged_off is not None:
        if body.channel is not PaymentChannel.CREDIT:  # no flow takes credit to a debt that is off the books
            recovered(run, event, body)
        return
    amount = min(body.amount.minor, run.free_credit) if own_credit else body.amount.minor
    payment = _payment(run, event, body, amount)
    waits = body.in_flight is not None and body.in_flight.minor > 0
    if body.channel is not PaymentChannel.DUPLICATE and not waits:
        if amount >= settled_today(run):
            accrue_to_rest(run, event)
        payment.pieces = place(run, amount, first=body.instalment_id)
        accrue_paid_ahead(run, event)
    split = split_of(payment.pieces)
    if own_credit:
        payment.amount = split.placed
        run.credit -= split.placed
    else:
        split.credit = payment.credit = amount - split.placed
        run.credit += split.credit
        payment.lowered = split.principal + split.credit
    _book(run, event, body, split)


def paid_off(run: RunningPlan, event: PlanEvent, body: PaidOff) -> None:
    """Settle early: pay fees, interest accrued so far and principal; interest ends with it.

    The part in flight is left to the attempt that collects it; money received for that part as well becomes credit. An
    amount that does not settle the plan is an ordinary payment.
    """
    in_flight = 0 if body.in_flight is None else body.in_flight.minor
    quote = settled_today(run) + interest_to_rest(run)
    if run.charged_off is not None or body.amount.minor + in_flight < quote:
        paid(run, event, Paid(body.amount, body.channel, body.payment_id, body.provider, body.rail))
        return
    accrue_to_rest(run, event)
    payment = _payment(run, event, body, body.amount.minor)
    to_settle = min(body.amount.minor, max(quote - in_flight, 0))
    payment.pieces = place(run, to_settle, newest_first=in_flight > 0)
    accrue_paid_ahead(run, event)
    run.settled_by = event.event_id
    split = split_of(payment.pieces)
    split.credit = payment.credit = body.amount.minor - split.placed
    run.credit += split.credit
    payment.lowered = split.principal + split.credit
    if body.channel is PaymentChannel.TRANSFER:
        _book(run, event, body, split)
        return
    names, correlation = {"provider": body.provider}, _correlation(body)
    captured = {"captured": split.placed, "fees": split.fees, "interest": split.interest, "principal": split.principal}
    run.book(Flow.EARLY_PAYOFF, body.payment_id, event, captured, names=names, correlation=correlation)
    excess = {"credit_balance": split.credit}
    run.book(Flow.DUPLICATE_COLLECTION, body.payment_id, event, excess, names=names, correlation=correlation)


def settled_today(run: RunningPlan) -> int:
    """What pays all principal, the fees and the interest so far, or as agreed."""
    return sum(line.to_settle(as_agreed=run.terms.interest_as_agreed) for line in run.lines)


def return_payment(run: RunningPlan, event: PlanEvent, body: Returned) -> None:
    """F13b: undo a payment, from the credit balance first; what it paid is owed again, due on its original day."""
    payment = run.payments.get(body.payment_event_id)
    if payment is None or not payment.left or payment.rail is None:
        return
    names = {"rail": payment.rail, "provider": payment.provider}
    correlation = {"return_id": body.return_id, "attempt_id": payment.payment_id}
    whole = payment.left
    if payment.recovered is not None or run.charged_off is not None:
        flows = (Flow.RETURNED_AFTER_CHARGE_OFF, Flow.RECOVERY_RETURNED)
        take_back_off_the_books(
            run, event, payment, whole, flows=flows, key=body.return_id, names=names, correlation=correlation
        )
        return
    withheld = withhold(run, event, whole - payment.credit, body.return_id)
    credit = min(min(run.free_credit, payment.credit) + withheld, whole)
    use_up(run, withheld)
    split = take_back_amounts(run, event, payment, whole, credit)
    run.book(Flow.PAYMENT_RETURNED, body.return_id, event, split.amounts(), names=names, correlation=correlation)


def _payment(run: RunningPlan, event: PlanEvent, body: Paid | PaidOff, amount: int) -> Payment:
    payment = Payment(event.event_id, event.value_date, body.payment_id, body.channel, amount, body.provider, body.rail)
    run.payments[event.event_id] = payment
    return payment


def _book(run: RunningPlan, event: PlanEvent, body: Paid | PaidOff, split: AllocationSplit) -> None:
    names = {"provider": body.provider, "rail": body.rail}
    correlation = _correlation(body)
    held = body.held if isinstance(body, Paid) else None
    if isinstance(body, Paid) and body.instalment_id is not None:
        correlation["instalment_id"] = body.instalment_id
    flow, amounts = _FLOWS.get(body.channel, Flow.OVERPAYMENT), split.amounts()
    hold_id, voids = None, None if held is None else held.hold_id
    if held is not None and _covers(held, split):
        flow, hold_id, voids = Flow.PRESUMED_PAID, held.hold_id, None
    elif body.channel is PaymentChannel.CHECKOUT and not (split.fees or split.interest or split.credit):
        flow = Flow.DOWN_PAYMENT
    elif body.channel is PaymentChannel.CREDIT:
        del amounts["credit_balance"]  # the part that was not owed stays in the credit balance
    key = body.booking_key if isinstance(body, Paid) else body.payment_id
    run.book(flow, key, event, amounts, names=names, correlation=correlation, hold_id=hold_id, voids=voids)


_FLOWS = {
    PaymentChannel.TRANSFER: Flow.CREDIT_IDENTIFIED,
    PaymentChannel.CREDIT: Flow.CREDIT_APPLIED,
    PaymentChannel.DUPLICATE: Flow.DUPLICATE_COLLECTION,
}


def _covers(held: Held, split: AllocationSplit) -> bool:
    covered = (held.fees.minor, held.interest.minor, held.principal.minor)
    return not split.credit and covered == (split.fees, split.interest, split.principal)


def _correlation(body: Paid | PaidOff) -> dict[str, str]:
    """The statement line of a transfer, or else the attempt: the provider's id for money without an attempt of ours."""
    return {"line_id" if body.channel is PaymentChannel.TRANSFER else "attempt_id": body.payment_id}
