"""The facts that a decision publishes: the order placed, and the decision on it."""

from ledger.outbox.outbox import Fact, fact
from lending.decision.record import Inputs, StoredDecision
from lending.plan.plan import plan_id_of


def decision_facts(stored: StoredDecision, inputs: Inputs, reasons: tuple[str, ...]) -> tuple[Fact, ...]:
    """The facts, timed at the decision and without its evidence, under the key of the plan that may follow.

    A review is a further decision on an order that was placed before.
    """
    order, offer, at = stored.order, stored.offer, stored.decided_at
    key = plan_id_of(stored.decision_id)
    asked = {
        "order_id": order.order_id,
        "shopper_id": order.shopper_id,
        "account_id": order.account_id,
        "merchant_id": order.merchant_id,
        "amount_minor": order.amount.minor,
        "currency": order.amount.currency.value,
        "product": order.product.value,
    }
    placed = {**asked, "duration_months": order.duration_months, "channel": order.channel.value}
    decided = {
        "decision_id": stored.decision_id,
        **asked,
        "outcome": stored.outcome,
        "approved_minor": None if offer is None else offer.amount.minor,
        "policy_id": inputs.policy_id,
        "policy_version": inputs.policy_version,
        "model_digest": inputs.model.digest,
        "feature_set_digest": inputs.model.feature_set_digest,
        "reason_codes": ",".join(reasons),
    }
    made = fact("decision_made.v1", f"decision:{stored.decision_id}", key, decided, occurred_at=at, recorded_at=at)
    if stored.reviews is not None:
        return (made,)
    return (fact("order_placed.v1", f"order:{stored.decision_id}", key, placed, occurred_at=at, recorded_at=at), made)
