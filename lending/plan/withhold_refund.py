"""Refunds that are granted but not paid out: withheld while the shopper's bank claims the same money back."""

from ledger.map.flow import Flow
from lending.plan.event import PlanEvent
from lending.plan.running import RunningPlan


def withhold(run: RunningPlan, event: PlanEvent, amount: int, key: str) -> int:
    """Move what is payable back to the credit balance, up to an amount (F19b's mirror); answers how much."""
    left = max(amount, 0)
    for refund_id, payable in reversed(run.payable.items()):
        withheld = min(payable, left)
        left -= withheld
        run.payable[refund_id] = payable - withheld
        run.held_back[refund_id] = run.held_back.get(refund_id, 0) + withheld
        run.credit += withheld
        correlation = {"refund_id": refund_id}
        run.book(
            Flow.CREDIT_REFUNDED, f"{refund_id}/withheld/{key}", event, {"withheld": withheld}, correlation=correlation
        )
    return max(amount, 0) - left


def release_withheld(run: RunningPlan, event: PlanEvent, key: str) -> None:
    """What no open claim needs any more is payable (F19b)."""
    left = min(max(run.withheld - run.claimed_back, 0), run.credit)
    for refund_id, withheld in run.held_back.items():
        released = min(withheld, left)
        left -= released
        run.held_back[refund_id] = withheld - released
        run.payable[refund_id] = run.payable.get(refund_id, 0) + released
        run.credit -= released
        correlation = {"refund_id": refund_id}
        run.book(
            Flow.CREDIT_REFUNDED, f"{refund_id}/released/{key}", event, {"refund": released}, correlation=correlation
        )


def use_up(run: RunningPlan, amount: int) -> None:
    """The shopper has so much of what was withheld from elsewhere: it is no refund any more."""
    for refund_id, withheld in run.held_back.items():
        used = min(withheld, amount)
        run.held_back[refund_id] = withheld - used
        amount -= used
