"""Act: take what a collection agency says it collected on a plan that was charged off, and passed on to our bank.

The agency transfers each payment whole, under a reference of its own, and names the commission that it will invoice.
The transfer is on our statement already, where nothing identified it, so its money rests on suspense until this notice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from ledger.books.store import Refusal
from ledger.money import Money
from lending.plan.event import PaymentChannel, PlanEvent, Recovered
from lending.plan.refusal import PlanRefusal
from lending.plan.when import When
from lending.servicing.log import PlanLog
from lending.servicing.record_events import (
    EventRecorded,
    EventRefused,
    KeptLedger,
    TermsOf,
    UnknownPlan,
    record_events,
)
from payments.breaks import Breaks
from payments.plan_events import event_of
from payments.transaction import Transaction


@dataclass(frozen=True, slots=True)
class RecoveryNotice:
    """One payment that an agency collected. `reference` is that of its transfer; `commission`: what it will invoice."""

    recovery_id: str
    plan_id: str
    reference: str
    amount: Money
    commission: Money | None
    told_on: date


@dataclass(frozen=True, slots=True)
class SuspendedCredit:
    """A credit of our bank statement whose money rests on suspense, with the open break that says so."""

    line_id: str
    amount: Money
    booked_on: date
    break_id: str


class SuspendedCredits(Protocol):
    """Finds credits on suspense."""

    def by_reference(self, reference: str) -> Sequence[SuspendedCredit]:
        """Credits with this reference that nothing has identified, locked, in the order of their ids."""


@dataclass(frozen=True, slots=True)
class RecoveryTaken:
    """The money is booked as recovered; `new` if this notice did it."""

    recovery_id: str
    entries: tuple[str, ...]
    new: bool


@dataclass(frozen=True, slots=True)
class RecoveryRefused:
    """Nothing was booked: there is no such transfer or plan, or the plan refuses the event."""

    recovery_id: str
    reasons: tuple[PlanRefusal | Refusal | str, ...]


def take_recovery(
    notice: RecoveryNotice,
    *,
    suspended: SuspendedCredits,
    breaks: Breaks,
    plans: PlanLog,
    ledger: KeptLedger,
    terms: TermsOf,
    transaction: Transaction,
    at: datetime,
) -> RecoveryTaken | RecoveryRefused:
    """Book a notice once, in its own database transaction, and close the break of its transfer.

    A notice that was taken before changes nothing; one with other content under its id is refused.
    """
    event_id = f"recovered:{notice.recovery_id}"
    with transaction():
        known = plans.find_events([event_id]).get(event_id)
        if known is not None:
            return _again(notice, known)
        found = suspended.by_reference(notice.reference)
        credit = next((each for each in found if each.amount == notice.amount), None)
        if credit is None:
            said = ", ".join(str(each.amount) for each in found) or "nothing"
            why = f"the bank credited {said} under {notice.reference} that is not identified, not {notice.amount}"
            return RecoveryRefused(notice.recovery_id, (why,))
        body = Recovered(notice.amount, PaymentChannel.TRANSFER, credit.line_id, commission=notice.commission)
        when = When.day(credit.booked_on, recorded_at=at)
        event = event_of(event_id, notice.plan_id, notice.recovery_id, when, body)
        try:
            (answer,) = record_events([event], plans=plans, ledger=ledger, terms=terms)
        except UnknownPlan as unknown:
            return RecoveryRefused(notice.recovery_id, (unknown.user_message,))
        if isinstance(answer, EventRefused):
            return RecoveryRefused(notice.recovery_id, answer.reasons)
        assert isinstance(answer, EventRecorded), f"{event_id} was looked for above"
        breaks.close_break(credit.break_id, notice.told_on, event_id)
        return RecoveryTaken(notice.recovery_id, answer.posted, new=True)


def _again(notice: RecoveryNotice, known: PlanEvent) -> RecoveryTaken | RecoveryRefused:
    body = known.body
    assert isinstance(body, Recovered), f"{known.event_id} is a {known.kind}"
    before = (known.plan_id, body.amount, body.commission)
    if before != (notice.plan_id, notice.amount, notice.commission):
        return RecoveryRefused(notice.recovery_id, ("it came earlier with another plan, amount or commission",))
    return RecoveryTaken(notice.recovery_id, (), new=False)
