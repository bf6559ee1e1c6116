"""An attempt is one charge sent once under one idempotency key; here are its states and the moves between them.

The database enforces the move table (schema/001_attempts.sql); this copy is for rules and messages, and a test checks
that the two are equal.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ledger.books.store import Conflict
from ledger.map.flow import Flow
from ledger.money import Money
from lending.plan.event import Held
from lending.plan.plan import InstalmentId, PlanId
from payments.ids import AttemptId
from terminal.fault import Fault


class AttemptState(StrEnum):
    """The state of an attempt."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    PRESUMED_PAID = "presumed_paid"
    SETTLED = "settled"
    RETURNED = "returned"
    DISPUTED = "disputed"
    LOST = "lost"
    CANCELLED = "cancelled"


class AttemptEvent(StrEnum):
    """An event that moves an attempt from one state to another."""

    GUARD_PASSED = "guard_passed"
    REQUEST_WRITTEN = "request_written"
    CAPTURED = "captured"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    NEVER_SEEN = "never_seen"
    CASH_SEEN = "cash_seen"
    CASH_UNSEEN = "cash_unseen"
    RETURNED = "returned"
    CLAIM_OPENED = "claim_opened"
    CLAIM_WON = "claim_won"
    CLAIM_LOST = "claim_lost"
    WITHDRAWN = "withdrawn"


MOVES: dict[tuple[AttemptState, AttemptEvent], AttemptState] = {
    (AttemptState.PLANNED, AttemptEvent.GUARD_PASSED): AttemptState.CLAIMED,
    (AttemptState.PLANNED, AttemptEvent.WITHDRAWN): AttemptState.CANCELLED,
    (AttemptState.CLAIMED, AttemptEvent.REQUEST_WRITTEN): AttemptState.SUBMITTING,
    (AttemptState.CLAIMED, AttemptEvent.WITHDRAWN): AttemptState.CANCELLED,
    # A synchronous rail acknowledges, accepts and confirms in one answer, so submitted and accepted are skipped.
    (AttemptState.SUBMITTING, AttemptEvent.CAPTURED): AttemptState.PRESUMED_PAID,
    (AttemptState.SUBMITTING, AttemptEvent.REFUSED): AttemptState.REJECTED,
    (AttemptState.SUBMITTING, AttemptEvent.NO_ANSWER): AttemptState.UNKNOWN,
    (AttemptState.UNKNOWN, AttemptEvent.CAPTURED): AttemptState.PRESUMED_PAID,
    (AttemptState.UNKNOWN, AttemptEvent.REFUSED): AttemptState.REJECTED,
    (
        AttemptState.UNKNOWN,
        AttemptEvent.NEVER_SEEN,
    ): AttemptState.CLAIMED,  # after the settle-down delay; same key, same hold
    (AttemptState.REJECTED, AttemptEvent.CAPTURED): AttemptState.PRESUMED_PAID,  # the provider's file says otherwise
    (AttemptState.PRESUMED_PAID, AttemptEvent.CASH_SEEN): AttemptState.SETTLED,
    (AttemptState.SETTLED, AttemptEvent.CASH_UNSEEN): AttemptState.PRESUMED_PAID,  # the match of its payout is undone
    (AttemptState.PRESUMED_PAID, AttemptEvent.RETURNED): AttemptState.RETURNED,
    (AttemptState.SETTLED, AttemptEvent.RETURNED): AttemptState.RETURNED,
    (AttemptState.PRESUMED_PAID, AttemptEvent.CLAIM_OPENED): AttemptState.DISPUTED,
    (AttemptState.SETTLED, AttemptEvent.CLAIM_OPENED): AttemptState.DISPUTED,
    (AttemptState.DISPUTED, AttemptEvent.CLAIM_WON): AttemptState.SETTLED,
    (AttemptState.DISPUTED, AttemptEvent.CLAIM_LOST): AttemptState.LOST,
}

OVER = frozenset({AttemptState.REJECTED, AttemptState.RETURNED, AttemptState.LOST, AttemptState.CANCELLED})
"""States of attempts that brought no money, or whose money was returned."""

LIVE = frozenset(AttemptState) - OVER
"""At most one attempt of an instalment is in one of these states; the schema's partial unique index enforces it."""

UNRESOLVED = frozenset({AttemptState.CLAIMED, AttemptState.SUBMITTING, AttemptState.UNKNOWN})
"""States of attempts that are about to be sent or not answered; in these states an attempt has its hold."""


class IllegalMove(Fault):
    """Raised for an event that the attempt's state does not allow; nothing was changed."""

    def __init__(self, attempt_id: AttemptId, state: AttemptState, event: AttemptEvent) -> None:
        self.attempt_id = attempt_id
        self.state = state
        self.event = event
        super().__init__(f"attempt {attempt_id} is {state}: {event} cannot happen to it")


def after(attempt_id: AttemptId, state: AttemptState, event: AttemptEvent) -> AttemptState:
    """The state that `event` leads to; raises IllegalMove if the move table has no such move.

    >>> after(AttemptId("p-1/1#1"), AttemptState.UNKNOWN, AttemptEvent.CAPTURED).value
    'presumed_paid'
    """
    try:
        return MOVES[state, event]
    except KeyError:
        raise IllegalMove(attempt_id, state, event) from None


def attempt_id_of(instalment_id: InstalmentId, number: int) -> AttemptId:
    """The id of the `number`-th attempt at an instalment, which is also its idempotency key at the provider.

    >>> attempt_id_of(InstalmentId("p-d-1/2"), 1)
    'p-d-1/2#1'
    """
    return AttemptId(f"{instalment_id}#{number}")


class AttemptPurpose(StrEnum):
    """What an attempt is made for."""

    DUE = "due"  # an instalment that is due, or the down payment
    PAYMENT = "payment"  # the shopper pays a part now
    PAYOFF = "payoff"  # the shopper pays what settles the plan


@dataclass(frozen=True, slots=True)
class Planned:
    """An attempt about to be made.

    `opens_plan` marks a down payment: its plan opens only once it is captured. `asked_by` is then the idempotency key
    of the caller, and for a shopper's own payment the id of the principal that took it.
    """

    attempt_id: AttemptId
    instalment_id: InstalmentId
    number: int
    plan_id: PlanId
    shopper_id: str
    account_id: str
    provider: str
    fees: Money
    interest: Money
    principal: Money
    due_on: date
    requested_on: date
    opens_plan: bool = False
    asked_by: str | None = None
    purpose: AttemptPurpose = AttemptPurpose.DUE

    @property
    def has_hold(self) -> bool:
        """Whether the attempt has a hold of its own: a down payment relies on that of its decision."""
        return not self.opens_plan and (self.purpose is AttemptPurpose.DUE or self.principal.minor > 0)

    @property
    def held(self) -> Held | None:
        """What the hold reserves: all of a due, and of a shopper's own payment the principal.

        Interest that is paid before its due is not on the plan's own account yet, so it cannot be held there.
        """
        if not self.has_hold:
            return None
        if self.purpose is AttemptPurpose.DUE:
            return Held(self.hold_id, self.fees, self.interest, self.principal)
        none = Money.zero(self.principal.currency)
        return Held(self.hold_id, none, none, self.principal)

    @property
    def amount(self) -> Money:
        return self.fees + self.interest + self.principal

    @property
    def hold_id(self) -> str:
        """The ledger hold that reserves the amount while the attempt is unresolved (flow F12a)."""
        return f"{Flow.ATTEMPT_CLAIMED}:{self.attempt_id}"


def check_same_attempt(kept: Planned, planned: Planned) -> None:
    """Raise Conflict if an attempt id is used for something else.

    Amounts and days may differ if two workers read the instalment at different times; the first attempt is kept.
    """
    for name in ("instalment_id", "number", "plan_id", "shopper_id", "account_id", "opens_plan", "purpose"):
        if getattr(kept, name) != getattr(planned, name):
            raise Conflict(kept.attempt_id, name)
    if kept.amount.currency != planned.amount.currency:
        raise Conflict(kept.attempt_id, "currency")


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt as recorded. `captured` is what the provider took, which may be another amount than asked for."""

    planned: Planned
    state: AttemptState
    submitted_at: datetime | None = None
    refusal: str | None = None
    provider_reference: str | None = None
    captured_on: date | None = None
    retry_on: date | None = None
    captured: Money | None = None

    @property
    def amount(self) -> Money:
        """What the attempt brought, or asks for while that is not known."""
        return self.planned.amount if self.captured is None else self.captured

    @property
    def attempt_id(self) -> AttemptId:
        return self.planned.attempt_id
