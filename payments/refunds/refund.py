"""Act: a merchant takes back goods of an order. The debt falls, and the shopper gets back what they already paid."""

from dataclasses import dataclass
from datetime import datetime

from ledger.books.store import Books, Conflict, Refusal
from ledger.map.flow import Flow
from ledger.money import Money
from lending.acts.with_merchant import Settled, principal_in_flight, record_with_merchant
from lending.plan.event import PlanEvent, Refunded
from lending.plan.fold import fold
from lending.plan.plan import Plan
from lending.plan.refusal import PlanRefusal
from lending.plan.state import PlanState
from lending.plan.when import When
from lending.servicing.log import PlanLog
from lending.servicing.record_events import (
    EventRecorded,
    EventRefused,
    KeptLedger,
    TermsOf,
)
from payments.refunds.events import refunded
from payments.transaction import Transaction


@dataclass(frozen=True, slots=True)
class RefundTaken:
    """The refund is in the books; `new` if this call booked it. `refundable_rest` is what may still be refunded."""

    refund_id: str
    plan_id: str
    new: bool
    to_shopper: Money
    refundable_rest: Money


@dataclass(frozen=True, slots=True)
class RefundRefused:
    """Nothing was refunded, with every reason."""

    refund_id: str
    reasons: tuple[PlanRefusal | Refusal, ...]


@dataclass(frozen=True, slots=True)
class NoSuchPlan:
    """There is no plan with that id."""

    plan_id: str


RefundAnswer = RefundTaken | RefundRefused | NoSuchPlan


def refund(
    plan_id: str,
    refund_id: str,
    amount: Money,
    *,
    plans: PlanLog,
    ledger: KeptLedger,
    terms: TermsOf,
    settled: Settled,
    transaction: Transaction,
    at: datetime,
) -> RefundAnswer:
    """Refund `amount` of the purchase, once for each `refund_id`, in its own database transaction.

    `settled` says whether an entry is part of a payout to the merchant. Raises ledger.store.Conflict if the refund was
    recorded with another amount.
    """
    with transaction():
        history = plans.lock([plan_id]).get(plan_id)
        if history is None:
            return NoSuchPlan(plan_id)
        plan = history.plan
        when = When.moment(at, terms(plan).days.zone)
        event_id = refunded(plan_id, Refunded(refund_id, amount), when).event_id
        known = next((event for event in history.events if event.event_id == event_id), None)
        if known is None:
            before = _state(plan_id, when, plans=plans, terms=terms)
            event = refunded(plan_id, Refunded(refund_id, amount, in_flight=principal_in_flight(plan, ledger)), when)
            answer = record_with_merchant(event, before, settled=settled, plans=plans, ledger=ledger, terms=terms)
            if isinstance(answer, EventRefused):
                return RefundRefused(refund_id, answer.reasons)
            new = isinstance(answer, EventRecorded)
        else:
            _check_amount(known, amount)
            new = False
        to_shopper = _granted(refund_id, plan, ledger)
        rest = _state(plan_id, when, plans=plans, terms=terms).refundable_rest
        return RefundTaken(refund_id, plan_id, new, to_shopper, rest)


def _state(plan_id: str, when: When, *, plans: PlanLog, terms: TermsOf) -> PlanState:
    history = plans.histories([plan_id])[plan_id]
    through = max(history.folded_through, when.value_date)
    return fold(history.plan, history.events, terms(history.plan), through=through)


def _check_amount(known: PlanEvent, amount: Money) -> None:
    assert isinstance(known.body, Refunded), f"{known.event_id} is no refund"
    if known.body.amount != amount:
        raise Conflict(known.body.refund_id, "amount")


def _granted(refund_id: str, plan: Plan, ledger: Books) -> Money:
    """The part of a refund that is paid out to the shopper."""
    shopper = plan.shopper_id or plan.account_id
    to_shopper = Money.zero(plan.currency)
    for entry in ledger.entries(correlation={"refund_id": refund_id}):
        for transfer in entry.journal.transfers:
            if transfer.credit == f"shopper:{shopper}:refund_payable" and entry.journal.flow in _GRANTS:
                to_shopper += transfer.amount
    return to_shopper


_GRANTS = (
    Flow.REFUND_BEFORE_SETTLEMENT,
    Flow.REFUND_AFTER_SETTLEMENT,
    Flow.PARTIAL_REFUND,
    Flow.INTEREST_REFUNDED,
    Flow.REFUND_AFTER_CHARGE_OFF,
    Flow.FOREIGN_PURCHASE_REFUNDED,
)
