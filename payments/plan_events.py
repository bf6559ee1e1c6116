"""What payments tell plans: the event of each attempt, line or case, and how it is recorded."""

from collections.abc import Sequence

from lending.plan.event import Body, PlanEvent
from lending.plan.when import When
from lending.servicing.log import PlanLog
from lending.servicing.record_events import EventRecorded, EventRefused, KeptLedger, TermsOf, record_events
from terminal.fault import Fault


class PlanRefused(Fault):
    """A plan refused what has already happened: an assumption is broken and the work stops."""


def record_on_plan(
    events: Sequence[PlanEvent], *, plans: PlanLog, ledger: KeptLedger, terms: TermsOf
) -> tuple[str, ...]:
    """Record events in the caller's database transaction; the entries posted for them.

    Raises PlanRefused where a plan cannot take one.
    """
    posted: list[str] = []
    answers = record_events(events, plans=plans, ledger=ledger, terms=terms) if events else ()
    for answer in answers:
        if isinstance(answer, EventRefused):
            raise PlanRefused(f"{answer.event_id} was refused: {', '.join(map(str, answer.reasons))}")
        posted += answer.posted if isinstance(answer, EventRecorded) else ()
    return tuple(posted)


def paid_event_id(payment_id: str) -> str:
    """The event of an attempt's or a transfer's money."""
    return f"paid:{payment_id}"


def event_of(event_id: str, plan_id: str, cause: str, when: When, body: Body) -> PlanEvent:
    return PlanEvent(event_id, plan_id, when.value_date, when.occurred_at, when.recorded_at, cause, body)
