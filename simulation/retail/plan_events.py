"""What happens to a replayed plan, as events: opened, paid at the checkout, refunded, collected, refund paid out."""

from datetime import date, datetime

from ledger.money import Money
from lending.plan import Plan
from lending.plan_event import Channel, Held, Opened, Paid, PlanEvent, Refunded, RefundPaid
from simulation.retail.charges import Charge
from simulation.retail.order_book import Purchase, Refund
from simulation.retail.purchase_plan import plan_id_of


def opened(plan: Plan, purchase: Purchase) -> PlanEvent:
    """The purchase is captured, all of it."""
    return _event(f"opened:{plan.plan_id}", plan.plan_id, plan.opened_on, purchase.occurred_at, Opened(plan.principal))


def paid(charge: Charge, at: datetime) -> PlanEvent:
    """What the provider captured; an amount that was held while it was asked for says so."""
    nothing = Money.zero(charge.amount.currency)
    held = None
    if charge.hold_id is not None:
        held = Held(charge.hold_id, fees=nothing, interest=nothing, principal=charge.amount)
    body = Paid(
        charge.amount,
        Channel.CHECKOUT if held is None else Channel.ATTEMPT,
        charge.attempt_id,
        provider=charge.rail.provider,
        rail=charge.rail.rail,
        instalment_id=charge.instalment_id,
        held=held,
    )
    return _event(f"paid:{charge.attempt_id}", charge.plan_id, charge.on, at, body)


def refunded(refund: Refund, receivable: Money | None) -> PlanEvent:
    """Goods came back; `receivable` is what of the merchant's share had been paid out to it."""
    body = Refunded(refund.refund_id, refund.amount, receivable)
    plan_id = plan_id_of(refund.order_id)
    return _event(f"refunded:{refund.refund_id}", plan_id, refund.refunded_on, refund.occurred_at, body)


def refund_paid(refund: Refund, amount: Money, at: datetime, on: date) -> PlanEvent:
    """The shopper has back what was paid of the goods."""
    body = RefundPaid(refund.refund_id, amount)
    return _event(f"refund_paid:{refund.refund_id}", plan_id_of(refund.order_id), on, at, body)


def _event(
    event_id: str,
    plan_id: str,
    value_date: date,
    at: datetime,
    body: Opened | Paid | Refunded | RefundPaid,
) -> PlanEvent:
    return PlanEvent(
        event_id=event_id,
        plan_id=plan_id,
        value_date=value_date,
        occurred_at=at,
        recorded_at=at,
        cause=event_id.partition(":")[2],
        body=body,
    )
