"""Record what takes a purchase back from its merchant: out of what we still owe it, or as the merchant's debt."""

from collections.abc import Callable
from dataclasses import replace

from ledger.books.store import TOO_LITTLE, Books, Refusal
from ledger.map.flow import Flow
from ledger.money import Money
from lending.plan.event import Disputed, PlanEvent, Refunded
from lending.plan.plan import Plan
from lending.plan.state import PlanState
from lending.servicing.log import PlanLog
from lending.servicing.record_events import Answer, EventRefused, KeptLedger, TermsOf, record_events

Settled = Callable[[str], bool]
"""Whether an entry of a merchant's payable account is part of a payout."""

_PURCHASES = (Flow.PURCHASE_CAPTURED, Flow.TAXED_PURCHASE_CAPTURED, Flow.FOREIGN_PURCHASE)
"""The flows that make us owe the merchant a purchase or a shipment of it."""


def record_with_merchant(
    event: PlanEvent, before: PlanState, *, settled: Settled, plans: PlanLog, ledger: KeptLedger, terms: TermsOf
) -> Answer:
    """Record a refund or a dispute. A merchant that was paid already, or is owed less, then owes us its share."""
    body = event.body
    assert isinstance(body, Refunded | Disputed), f"{event.kind} takes nothing from a merchant"
    share = before.merchant_share_of(body.amount)
    paid_out = any(settled(each.entry_id) for each in before.bookings if each.flow in _PURCHASES)
    answer: Answer
    for receivable in [share] if paid_out else [None, share]:
        asked = replace(event, body=replace(body, receivable=receivable))
        (answer,) = record_events([asked], plans=plans, ledger=ledger, terms=terms)
        if not (isinstance(answer, EventRefused) and _merchant_has_less(answer, before.plan)):
            break
    return answer


def principal_in_flight(plan: Plan, ledger: Books) -> Money | None:
    """The principal held by attempts in progress, which cannot be reduced until their outcomes are known."""
    held = ledger.balance(f"plan:{plan.plan_id}:principal", plan.currency).credits_pending
    return Money(held, plan.currency) if held else None


def _merchant_has_less(answer: EventRefused, plan: Plan) -> bool:
    """Whether the event was refused because what we owe the merchant no longer covers it, after other refunds."""
    account = f"merchant:{plan.merchant_id}:payable"
    return all(
        isinstance(each, Refusal) and each.code in TOO_LITTLE and each.about == account for each in answer.reasons
    )
