"""A refund's way to the shopper: one payment sent once under one key; its states and the moves between them.

The move table is enforced by the database (schema/004_refund_payments.sql); a test holds this mirror equal to it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ledger.map.flow import Flow
from ledger.money import Money


class Way(StrEnum):
    """Who brings the money. The provider is tried first; what it refuses or brings back goes by bank."""

    PROVIDER = "provider"
    BANK = "bank"


class State(StrEnum):
    """Where a payment stands."""

    CLAIMED = "claimed"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    PAID = "paid"
    REFUSED = "refused"
    FAILED = "failed"


class Event(StrEnum):
    """What moves a payment."""

    REQUEST_WRITTEN = "request_written"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    NEVER_SEEN = "never_seen"
    BROUGHT_BACK = "brought_back"


MOVES: dict[tuple[State, Event], State] = {
    (State.CLAIMED, Event.REQUEST_WRITTEN): State.SUBMITTING,
    (State.SUBMITTING, Event.CONFIRMED): State.PAID,
    (State.SUBMITTING, Event.REFUSED): State.REFUSED,
    (State.SUBMITTING, Event.NO_ANSWER): State.UNKNOWN,
    (State.UNKNOWN, Event.CONFIRMED): State.PAID,
    (State.UNKNOWN, Event.REFUSED): State.REFUSED,
    (State.UNKNOWN, Event.NEVER_SEEN): State.CLAIMED,  # after the settle-down delay; same key, same hold
    (State.PAID, Event.BROUGHT_BACK): State.FAILED,
}

OVER = frozenset({State.REFUSED, State.FAILED})
"""The money is with us; the refund is owed as before, and goes by bank next."""


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """One payment of a refund. `payment_id` is its key at the provider, and its reference on the bank's statement."""

    payment_id: str
    refund_id: str
    number: int
    plan_id: str
    shopper_id: str
    account_id: str
    way: Way
    amount: Money
    requested_on: date
    state: State = State.CLAIMED
    submitted_at: datetime | None = None

    @property
    def hold_id(self) -> str:
        """The ledger hold that reserves the amount until the payment is confirmed (flow F24h)."""
        return f"{Flow.REFUND_CLAIMED}:{self.payment_id}"


def payment_id_of(refund_id: str, number: int) -> str:
    """The id of the `number`-th payment of a refund.

    >>> payment_id_of("r-1", 2)
    'r-1#2'
    """
    return f"{refund_id}#{number}"
