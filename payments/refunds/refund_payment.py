"""A refund's way to the shopper: one payment sent once under one key; its states and the moves between them.

The move table is enforced by the database (schema/004_refund_payments.sql); a test holds this mirror equal to it.
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
    """Who brings the money. The provider is tried first; what it refuses or brings back goes by bank."""

    PROVIDER = "provider"
    BANK = "bank"


class RefundPaymentState(StrEnum):
    """Where a payment stands."""

    CLAIMED = "claimed"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    PAID = "paid"
    REFUSED = "refused"
    FAILED = "failed"


class RefundPaymentEvent(StrEnum):
    """What moves a payment."""

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
"""The money is with us; the refund is owed as before, and goes by bank next."""


class IllegalRefundMove(Fault):
    """An event arrived that has no move from the payment's state; nothing was changed."""

    def __init__(self, payment_id: RefundPaymentId, state: RefundPaymentState, event: RefundPaymentEvent) -> None:
        super().__init__(f"refund payment {payment_id} is {state}: {event} cannot happen to it")


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """One payment of a refund. `payment_id` is its key at the provider, and its reference on the bank's statement."""

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
    """Raise Conflict when an id is used for something else.

    The amounts and days of two workers that saw the refund at different times may differ: the first payment stands.
    """
    for name in ("refund_id", "number", "plan_id", "shopper_id", "account_id", "way"):
        if getattr(kept, name) != getattr(payment, name):
            raise Conflict(kept.payment_id, name)
    if kept.amount.currency != payment.amount.currency:
        raise Conflict(kept.payment_id, "currency")


def refund_state_after(
    payment_id: RefundPaymentId, state: RefundPaymentState, event: RefundPaymentEvent
) -> RefundPaymentState:
    """The state that `event` leads to; `IllegalRefundMove` when the table has no such move."""
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
