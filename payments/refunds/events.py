"""The plan events of a refund."""

from lending.plan.event import PlanEvent, Refunded, RefundPaid, Reversed
from lending.plan.when import When
from payments.plan_events import event_of
from payments.refunds.refund_payment import RefundPayment


def refunded(plan_id: str, body: Refunded, when: When) -> PlanEvent:
    """The merchant takes back goods."""
    return event_of(f"refunded:{body.refund_id}", plan_id, body.refund_id, when, body)


def refund_arrived(payment: RefundPayment, when: When) -> PlanEvent:
    """A refund reached the shopper."""
    body = RefundPaid(payment.refund_id, payment.amount)
    return event_of(f"refund-paid:{payment.payment_id}", payment.plan_id, payment.payment_id, when, body)


def refund_came_back(payment: RefundPayment, when: When) -> PlanEvent:
    """A refund that was paid came back."""
    body = Reversed(f"refund-paid:{payment.payment_id}")
    return event_of(f"refund-failed:{payment.payment_id}", payment.plan_id, payment.payment_id, when, body)
