"""The plan events of a purchase, its collection, and its credit balance."""

from ledger.money import Money
from lending.plan.event import CreditRefunded, Held, Opened, Paid, PaidOff, PaymentChannel, PlanEvent
from lending.plan.plan import Plan
from lending.plan.when import When
from payments.collection.attempt import AttemptPurpose, Planned
from payments.plan_events import event_of, paid_event_id
from payments.rail_profile import Rail


def opened(plan: Plan, when: When, shipped: Money | None = None) -> PlanEvent:
    """The purchase is captured, or the part of it that was shipped."""
    return event_of(f"opened:{plan.plan_id}", plan.plan_id, plan.order_id, when, Opened(shipped or plan.principal))


def collected(planned: Planned, rail: Rail, when: When) -> PlanEvent:
    """The provider captured what an attempt asked for. A down payment has no hold of its own."""
    return collected_otherwise(planned, rail, when, planned.amount, planned.held)


def collected_otherwise(planned: Planned, rail: Rail, when: When, amount: Money, held: Held | None) -> PlanEvent:
    """The provider captured `amount` for an attempt, out of its hold if that is for this amount and still there."""
    body: Paid | PaidOff
    if planned.purpose is AttemptPurpose.PAYOFF and amount == planned.amount:
        body = PaidOff(planned.amount, PaymentChannel.ATTEMPT, planned.attempt_id, rail.provider, rail.rail)
    else:
        body = Paid(
            amount,
            PaymentChannel.CHECKOUT if planned.opens_plan else PaymentChannel.ATTEMPT,
            planned.attempt_id,
            provider=rail.provider,
            rail=rail.rail,
            instalment_id=planned.instalment_id if planned.purpose is AttemptPurpose.DUE else None,
            held=held,
        )
    return event_of(paid_event_id(planned.attempt_id), planned.plan_id, planned.attempt_id, when, body)


def credit_owed(plan_id: str, body: CreditRefunded, when: When) -> PlanEvent:
    """Credit is to be paid back."""
    return event_of(f"credit-refunded:{body.refund_id}", plan_id, body.refund_id, when, body)


def credit_applied(plan_id: str, body: Paid, when: When) -> PlanEvent:
    """Credit repays what is owed."""
    return event_of(paid_event_id(body.payment_id), plan_id, body.payment_id, when, body)
