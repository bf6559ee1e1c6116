"""Changes of a running plan's credit balance (F19b, F19c), and goodwill, which we pay for the shopper (F34)."""

from collections.abc import Sequence

from ledger.map.flow import Flow
from lending.plan.allocation import place, split_of
from lending.plan.event import CreditApplied, CreditRefunded, Goodwill, PlanEvent
from lending.plan.interest import accrue_paid_ahead
from lending.plan.running import Piece, RunningPlan
from lending.terms.servicing_terms import Component, EarlyPayment


def apply_credit_moved(run: RunningPlan, body: CreditApplied) -> None:
    """Reduce the credit balance; the plan that receives the payment posts the journal."""
    run.credit -= min(body.amount.minor, run.free_credit)


def credit_refunded(run: RunningPlan, event: PlanEvent, body: CreditRefunded) -> None:
    """F19b: make credit payable to the shopper, but not the part withheld from refunds."""
    amount = min(body.amount.minor, run.free_credit)
    run.credit -= amount
    run.payable[body.refund_id] = run.payable.get(body.refund_id, 0) + amount
    run.book(Flow.CREDIT_REFUNDED, body.refund_id, event, {"refund": amount}, correlation={"refund_id": body.refund_id})


def goodwill(run: RunningPlan, event: PlanEvent, body: Goodwill) -> None:
    """F34: reduce principal, oldest due first; the rest becomes credit. After a charge-off (F25b), reduce that debt."""
    amount = body.amount.minor
    if run.charged_off is not None:
        taken = run.charged_off.take(amount).total
        run.forgiven.goodwill += taken
        run.book(Flow.GOODWILL_AFTER_CHARGE_OFF, event.event_id, event, {"goodwill": taken, "no_longer_owed": taken})
        return
    if run.terms.goodwill_pays is not None:
        pieces = pay_in(run, amount, run.terms.goodwill_pays, run.terms.goodwill_allocation)
        run.credit += amount - split_of(pieces).placed
        run.forgiven.goodwill += split_of(pieces).placed
        run.book(Flow.GOODWILL, event.event_id, event, {"credit_balance": amount})
        book_paid_in(run, event, event.event_id, pieces)
        return
    left = amount
    for line in run.lines:
        fallen = min(left, line.open_principal)
        line.credit(fallen)
        left -= fallen
    run.credit += left
    run.forgiven.goodwill += amount - left
    run.book(Flow.GOODWILL, event.event_id, event, {"principal": amount - left, "credit_balance": left})


def pay_in(
    run: RunningPlan,
    amount: int,
    early: EarlyPayment,
    order: Sequence[Component] | None,
    *,
    in_flight: int = 0,
) -> list[Piece]:
    """Allocate money that someone else gives the shopper as a payment, but not to what is already being collected."""
    if in_flight:
        owed = sum(line.to_settle(as_agreed=run.terms.interest_as_agreed) for line in run.lines)
        amount = min(amount, max(0, owed - in_flight))
    return place(run, amount, newest_first=in_flight > 0, early=early, order=order)


def book_paid_in(run: RunningPlan, event: PlanEvent, key: str, pieces: list[Piece]) -> None:
    """F19c: pay with the credit that was just given."""
    accrue_paid_ahead(run, event)
    amounts = split_of(pieces).amounts()
    del amounts["credit_balance"]
    run.book(Flow.CREDIT_APPLIED, key, event, amounts)
