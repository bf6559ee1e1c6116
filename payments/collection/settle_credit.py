"""Settle the credit that a refund left because an attempt was in flight, once the attempt has its outcome."""

from datetime import datetime

from lending.plan.event import CreditRefunded, Paid, PaymentChannel, PlanEvent, Refunded
from lending.plan.fold import fold
from lending.plan.when import When
from lending.servicing.log import PlanLog
from lending.servicing.record_events import TermsOf
from payments.collection.attempt import Planned
from payments.collection.events import credit_applied, credit_owed


def settle_credit(planned: Planned, at: datetime, *, captured: bool, plans: PlanLog, terms: TermsOf) -> list[PlanEvent]:
    """If the attempt was captured, pay the credit back to the shopper; if not, repay the debt with it.

    Concerns only credit that a refund left because of the attempt. Any other credit is for the shopper to decide on.
    """
    plan_id, attempt_id = planned.plan_id, planned.attempt_id
    history = plans.histories([plan_id])[plan_id]
    waiting = [event.body for event in history.events if isinstance(event.body, Refunded) and event.body.in_flight]
    if not waiting:
        return []
    when = When.moment(at, terms(history.plan).days.zone)
    through = max(history.folded_through, when.value_date)
    state = fold(history.plan, history.events, terms(history.plan), through=through)
    free = min(state.credit_balance - state.withheld, planned.principal)
    if free.minor <= 0:
        return []
    if captured:
        return [credit_owed(plan_id, CreditRefunded(f"{waiting[-1].refund_id}/{attempt_id}", free), when)]
    return [credit_applied(plan_id, Paid(free, PaymentChannel.CREDIT, f"credit/{attempt_id}"), when)]
