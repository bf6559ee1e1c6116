"""Refunds that are granted but not paid out: withheld while the shopper's bank claims the same money back."""

from ledger.map.flow import Flow
from lending.plan.event import PlanEvent
from lending.plan.running import RunningPlan


def withhold(run: RunningPlan, event: PlanEvent, amount: int, key: str) -> int:
    """Move payable refunds back to the credit balance, up to an amount (F19b reversed); returns the amount moved."""
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
    """Make withheld refunds payable again as far as no open claim needs them (F19b)."""
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
    """Cancel withheld refunds up to an amount, because the shopper got that money by another way."""
    for refund_id, withheld in run.held_back.items():
        used = min(withheld, amount)
        run.held_back[refund_id] = withheld - used
        amount -= used
