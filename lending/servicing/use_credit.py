"""Act: pay what is due with the credit that the shopper has with us."""

from collections.abc import Sequence
from datetime import date, datetime

from ledger.money import Money
from lending.plan.event import Paid, PaymentChannel, PlanEvent
from lending.plan.plan import PlanStatus
from lending.plan.state import PlanState
from lending.servicing.log import PlanLog
from lending.servicing.record_events import EventRecorded, KeptLedger, TermsOf, from_checkpoint, record_events


def use_credit(
    day: date, plan_ids: Sequence[str], *, plans: PlanLog, ledger: KeptLedger, terms: TermsOf, at: datetime
) -> int:
    """Pay what is due by a day on these plans with their free credit; returns the number of entries. Never commits.

    While an attempt holds the same debt, the books refuse the payment, and the credit waits for the attempt's outcome.
    """
    with_credit = plans.with_credit(plan_ids)
    events = []
    for history in plans.lock_since_checkpoint(with_credit).values() if with_credit else ():
        known = from_checkpoint(history, terms(history.plan), plans)
        state = known.fold(terms(history.plan), through=max(day, history.folded_through))
        events += _payment(state, day, at)
    answers = record_events(events, plans=plans, ledger=ledger, terms=terms) if events else ()
    return sum(len(answer.posted) for answer in answers if isinstance(answer, EventRecorded))


def _payment(state: PlanState, day: date, at: datetime) -> list[PlanEvent]:
    plan = state.plan
    due = sum(each.claimable.minor for each in state.instalments if each.due_on <= day)
    minor = min(due, state.free_credit.minor)
    payment_id = f"credit/{plan.plan_id}/{day}"
    if state.status is not PlanStatus.OPEN or minor <= 0 or f"paid:{payment_id}" in state.events:
        return []
    body = Paid(Money(minor, state.currency), PaymentChannel.CREDIT, payment_id)
    return [PlanEvent(f"paid:{payment_id}", plan.plan_id, day, at, at, payment_id, body)]
