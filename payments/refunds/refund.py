"""Act: a merchant takes back goods of an order: the plan falls, and the shopper gets back what was paid of them."""

from dataclasses import dataclass
from datetime import datetime

from ledger.books.store import TOO_LITTLE, Conflict, Refusal
from ledger.map.flow import Flow
from ledger.money import Money
from lending.plan.event import PlanEvent, Refunded
from lending.plan.fold import fold
from lending.plan.plan import Plan
from lending.plan.refusal import PlanRefusal
from lending.plan.state import PlanState
from lending.plan.when import When
from lending.servicing.record_events import EventAlreadyRecorded, EventRecorded, EventRefused, record
from payments.refunds.events import refunded
from payments.till import Till


@dataclass(frozen=True, slots=True)
class RefundTaken:
    """The refund is in the books; `new` when it came just now. `refundable_rest` is what may still be refunded."""

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
    """There is no plan of that id."""

    plan_id: str


RefundAnswer = RefundTaken | RefundRefused | NoSuchPlan


def refund(plan_id: str, refund_id: str, amount: Money, *, till: Till, at: datetime) -> RefundAnswer:
    """Take back `amount` of the purchase, once for each `refund_id`, in a database transaction of its own.

    Raises ledger.store.Conflict when the refund is known with another amount.
    """
    when = When.moment(at)
    with till.database.transaction():
        history = till.plans.lock([plan_id]).get(plan_id)
        if history is None:
            return NoSuchPlan(plan_id)
        event_id = refunded(plan_id, Refunded(refund_id, amount), when).event_id
        known = next((event for event in history.events if event.event_id == event_id), None)
        if known is not None:
            return _known_before(known, amount, history.plan, till, when)
        before = _state(plan_id, till, when)
        answer = _record(before, refund_id, amount, till, when)
        if isinstance(answer, EventRefused):
            return RefundRefused(refund_id, answer.reasons)
        return _taken(refund_id, history.plan, till, when, new=isinstance(answer, EventRecorded))


def _record(
    before: PlanState, refund_id: str, amount: Money, till: Till, when: When
) -> EventRecorded | EventAlreadyRecorded | EventRefused:
    """From what we still owe the merchant for this purchase; where that is not there any more, it owes us."""
    share = before.merchant_share_of(amount)
    in_flight = _in_flight(before.plan, till)
    answer: EventRecorded | EventAlreadyRecorded | EventRefused
    for receivable in [share] if _settled(before, till) else [None, share]:
        body = Refunded(refund_id, amount, receivable=receivable, in_flight=in_flight)
        (answer,) = record(
            [refunded(before.plan.plan_id, body, when)], plans=till.plans, ledger=till.ledger, terms=till.terms
        )
        if not (isinstance(answer, EventRefused) and _merchant_has_less(answer, before.plan)):
            break
    return answer


def _settled(state: PlanState, till: Till) -> bool:
    """Whether the purchase, or a shipment of it, is part of a payout."""
    return any(till.payouts.settled(booking.entry_id) for booking in state.bookings if booking.flow in _PURCHASES)


_PURCHASES = (Flow.PURCHASE_CAPTURED, Flow.TAXED_PURCHASE_CAPTURED, Flow.FOREIGN_PURCHASE)


def _merchant_has_less(answer: EventRefused, plan: Plan) -> bool:
    """What we owe the merchant does not reach: other refunds or a dispute were faster."""
    account = f"merchant:{plan.merchant_id}:payable"
    return all(
        isinstance(each, Refusal) and each.code in TOO_LITTLE and each.about == account for each in answer.reasons
    )


def _in_flight(plan: Plan, till: Till) -> Money | None:
    """The principal that an attempt is asking for at this moment: it cannot fall until that is known."""
    held = till.ledger.balance(f"plan:{plan.plan_id}:principal", plan.currency).credits_pending
    return Money(held, plan.currency) if held else None


def _state(plan_id: str, till: Till, when: When) -> PlanState:
    history = till.plans.histories([plan_id])[plan_id]
    through = max(history.folded_through, when.value_date)
    return fold(history.plan, history.events, till.terms(history.plan), through=through)


def _known_before(known: PlanEvent, amount: Money, plan: Plan, till: Till, when: When) -> RefundTaken:
    assert isinstance(known.body, Refunded), f"{known.event_id} is no refund"
    if known.body.amount != amount:
        raise Conflict(known.body.refund_id, "amount")
    return _taken(known.body.refund_id, plan, till, when, new=False)


def _taken(refund_id: str, plan: Plan, till: Till, when: When, *, new: bool) -> RefundTaken:
    shopper = plan.shopper_id or plan.account_id
    to_shopper = Money.zero(plan.currency)
    for entry in till.ledger.entries(correlation={"refund_id": refund_id}):
        for transfer in entry.journal.transfers:
            if transfer.credit == f"shopper:{shopper}:refund_payable" and entry.journal.flow in _GRANTS:
                to_shopper += transfer.amount
    rest = _state(plan.plan_id, till, when).refundable_rest
    return RefundTaken(refund_id, plan.plan_id, new, to_shopper, rest)


_GRANTS = (
    Flow.REFUND_BEFORE_SETTLEMENT,
    Flow.REFUND_AFTER_SETTLEMENT,
    Flow.PARTIAL_REFUND,
    Flow.INTEREST_REFUNDED,
    Flow.REFUND_AFTER_CHARGE_OFF,
    Flow.FOREIGN_PURCHASE_REFUNDED,
)
