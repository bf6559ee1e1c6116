"""The plan events that payments record: one for each attempt, line or case."""

from collections.abc import Sequence

from lending.plan.event import Body, PlanEvent
from lending.plan.when import When
from lending.servicing.log import PlanLog
from lending.servicing.record_events import EventRecorded, EventRefused, KeptLedger, TermsOf, record_events
from terminal.fault import Fault


class PlanRefused(Fault):
    """Raised when a plan refuses something that already happened: an assumption is broken, so the work stops."""


def record_on_plan(
    events: Sequence[PlanEvent], *, plans: PlanLog, ledger: KeptLedger, terms: TermsOf
) -> tuple[str, ...]:
    """Record events in the caller's database transaction; returns the ids of the entries posted for them.

    Raises PlanRefused if a plan refuses an event.
    """
    posted: list[str] = []
    answers = record_events(events, plans=plans, ledger=ledger, terms=terms) if events else ()
    for answer in answers:
        if isinstance(answer, EventRefused):
            raise PlanRefused(f"{answer.event_id} was refused: {', '.join(map(str, answer.reasons))}")
        posted += answer.posted if isinstance(answer, EventRecorded) else ()
    return tuple(posted)


def paid_event_id(payment_id: str) -> str:
    """The id of the event for money received by an attempt or a transfer."""
    return f"paid:{payment_id}"


def event_of(event_id: str, plan_id: str, cause: str, when: When, body: Body) -> PlanEvent:
    return PlanEvent(event_id, plan_id, when.value_date, when.occurred_at, when.recorded_at, cause, body)
