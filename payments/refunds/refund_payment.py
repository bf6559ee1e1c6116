"""A refund payment is one payment to a shopper sent once under one key; here are its states and their moves.

The database enforces the move table (schema/004_refund_payments.sql); a test checks that this copy is equal to it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ledger.books.store import Conflict
from ledger.map.flow import Flow
from ledger.money import Money
from lending.plan.plan import PlanId
from payments.ids import RefundPaymentId
from terminal.fault import Fault


class Way(StrEnum):
    """Who pays the refund: the provider first; if it refuses or the money comes back, the bank."""

    PROVIDER = "provider"
    BANK = "bank"


class RefundPaymentState(StrEnum):
    """The state of a refund payment."""

    CLAIMED = "claimed"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    PAID = "paid"
    REFUSED = "refused"
    FAILED = "failed"


class RefundPaymentEvent(StrEnum):
    """An event that moves a refund payment from one state to another."""

    REQUEST_WRITTEN = "request_written"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    NEVER_SEEN = "never_seen"
    BROUGHT_BACK = "brought_back"


MOVES: dict[tuple[RefundPaymentState, RefundPaymentEvent], RefundPaymentState] = {
    (RefundPaymentState.CLAIMED, RefundPaymentEvent.REQUEST_WRITTEN): RefundPaymentState.SUBMITTING,
    (RefundPaymentState.SUBMITTING, RefundPaymentEvent.CONFIRMED): RefundPaymentState.PAID,
    (RefundPaymentState.SUBMITTING, RefundPaymentEvent.REFUSED): RefundPaymentState.REFUSED,
    (RefundPaymentState.SUBMITTING, RefundPaymentEvent.NO_ANSWER): RefundPaymentState.UNKNOWN,
    (RefundPaymentState.UNKNOWN, RefundPaymentEvent.CONFIRMED): RefundPaymentState.PAID,
    (RefundPaymentState.UNKNOWN, RefundPaymentEvent.REFUSED): RefundPaymentState.REFUSED,
    (
        RefundPaymentState.UNKNOWN,
        RefundPaymentEvent.NEVER_SEEN,
    ): RefundPaymentState.CLAIMED,  # after the settle-down delay; same key, same hold
    (RefundPaymentState.PAID, RefundPaymentEvent.BROUGHT_BACK): RefundPaymentState.FAILED,
}

OVER = frozenset({RefundPaymentState.REFUSED, RefundPaymentState.FAILED})
"""States in which the money is with us: the refund is still owed, and the next payment goes by bank."""


class IllegalRefundMove(Fault):
    """Raised for an event that the payment's state does not allow; nothing was changed."""

    def __init__(self, payment_id: RefundPaymentId, state: RefundPaymentState, event: RefundPaymentEvent) -> None:
        super().__init__(f"refund payment {payment_id} is {state}: {event} cannot happen to it")


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """One payment of a refund. `payment_id` is its idempotency key at the provider and its bank statement reference."""

    payment_id: RefundPaymentId
    refund_id: str
    number: int
    plan_id: PlanId
    shopper_id: str
    account_id: str
    way: Way
    amount: Money
    requested_on: date
    state: RefundPaymentState = RefundPaymentState.CLAIMED
    submitted_at: datetime | None = None

    @property
    def hold_id(self) -> str:
        """The ledger hold that reserves the amount until the payment is confirmed (flow F24h)."""
        return f"{Flow.REFUND_CLAIMED}:{self.payment_id}"


def check_same_payment(kept: RefundPayment, payment: RefundPayment) -> None:
    """Raise Conflict if a payment id is used for something else.

    Amounts and days may differ if two workers read the refund at different times; the first payment is kept.
    """
    for name in ("refund_id", "number", "plan_id", "shopper_id", "account_id", "way"):
        if getattr(kept, name) != getattr(payment, name):
            raise Conflict(kept.payment_id, name)
    if kept.amount.currency != payment.amount.currency:
        raise Conflict(kept.payment_id, "currency")


def refund_state_after(
    payment_id: RefundPaymentId, state: RefundPaymentState, event: RefundPaymentEvent
) -> RefundPaymentState:
    """The state that `event` leads to; raises IllegalRefundMove if the move table has no such move."""
    try:
        return MOVES[state, event]
    except KeyError:
        raise IllegalRefundMove(payment_id, state, event) from None


def payment_id_of(refund_id: str, number: int) -> RefundPaymentId:
    """The id of the `number`-th payment of a refund.

    >>> payment_id_of("r-1", 2)
    'r-1#2'
    """
    return RefundPaymentId(f"{refund_id}#{number}")
