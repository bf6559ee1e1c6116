"""Settle the credit that came while an attempt was in flight, once the attempt has its outcome."""

from datetime import datetime

from lending.plan.event import CreditRefunded, Paid, PaymentChannel, PlanEvent, Refunded
from lending.plan.fold import fold
from lending.plan.when import When
from lending.servicing.log import PlanLog
from lending.servicing.record_events import TermsOf
from payments.collection.attempt import Planned
from payments.collection.events import credit_applied, credit_owed


def settle_credit(planned: Planned, at: datetime, *, captured: bool, plans: PlanLog, terms: TermsOf) -> list[PlanEvent]:
    """If the attempt was not captured, repay the debt with the credit that waited for it.

    If it was captured, pay back to the shopper what a refund left; what they sent themselves stays their credit, which
    pays the next due. Credit that came in any other way is not concerned.
    """
    plan_id, attempt_id = planned.plan_id, planned.attempt_id
    history = plans.histories([plan_id])[plan_id]
    waiting = [
        event.body for event in history.events if isinstance(event.body, Refunded | Paid) and event.body.in_flight
    ]
    refunds = [body for body in waiting if isinstance(body, Refunded)]
    if not (refunds if captured else waiting):
        return []
    when = When.moment(at, terms(history.plan).days.zone)
    through = max(history.folded_through, when.value_date)
    state = fold(history.plan, history.events, terms(history.plan), through=through)
    sent = len(waiting) > len(refunds)
    free = min(state.credit_balance - state.withheld, planned.amount if sent else planned.principal)
    if free.minor <= 0:
        return []
    if captured:
        return [credit_owed(plan_id, CreditRefunded(f"{refunds[-1].refund_id}/{attempt_id}", free), when)]
    return [credit_applied(plan_id, Paid(free, PaymentChannel.CREDIT, f"credit/{attempt_id}"), when)]
