"""Earn the merchant's discount (F05): in proportion to the repaid part of the purchase not refunded, or at capture."""

from ledger.map.flow import Flow
from lending.plan.event import PlanEvent
from lending.plan.proportion import proportion_of
from lending.plan.running import RunningPlan
from lending.terms.servicing_terms import DiscountEarning


def earn_discount(run: RunningPlan, event: PlanEvent) -> None:
    """Book the increase of the earned discount. Computed cumulatively, so the last payment earns exactly the rest."""
    change = _earned_by_now(run) - run.earned
    if change:
        run.earned += change
        amounts = {"earned": change} if change > 0 else {"given_back": -change}
        run.book(Flow.DISCOUNT_EARNED, event.event_id, event, amounts)


def _earned_by_now(run: RunningPlan) -> int:
    discount = run.captured.discount - run.refunded.discount
    kept = run.captured.amount - run.refunded.amount
    if run.terms.discount_earning is DiscountEarning.CAPTURED:
        return discount
    owed = run.outstanding + (run.charged_off.principal if run.charged_off else 0)
    unpaid = max(owed - run.beyond_purchase, 0)  # principal that paid for no goods is repaid last
    return proportion_of(discount, min(max(kept - unpaid, 0), kept), kept)
