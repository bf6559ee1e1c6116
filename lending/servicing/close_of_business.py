"""Act: close a business date for all plans: interest of the day, late fees, credit that pays dues, days past due.

Only plans that bear interest or have an earlier due are visited, in chunks with a transaction each. A plan already
folded through the date is skipped, so that a rerun after an interruption completes the rest and changes nothing else.
Missed days are closed one by one, the oldest first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from ledger.books.store import Asked, Refused
from ledger.map.flow import Flow
from ledger.outbox.outbox import Fact
from lending.plan.correct_bookings import RecordedContext, correction
from lending.servicing.facts import day_facts
from lending.servicing.log import PlanChange, PlanHistory, PlanLog, standing_of
from lending.servicing.record_events import KeptLedger, TermsOf, first_open_day, from_checkpoint
from lending.servicing.use_credit import use_credit
from lending.terms.servicing_terms import ServicingTerms
from terminal.fault import Fault

LATE_FEE = Flow.LATE_FEE
CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class ClosedDate:
    """A closed business date, with the number of plans visited and of entries posted."""

    business_date: date
    visited: int
    posted: int


class BusinessDates(Protocol):
    """Stores the closed dates, and finds the plans that a date affects."""

    def last(self) -> date | None:
        """The last closed date; None before the first."""

    def to_visit(self, business_date: date, *, after: str, limit: int) -> Sequence[str]:
        """Plans that bear interest or have an earlier due and are not folded through the date, ordered by id."""

    def close(self, closed: ClosedDate, *, at: datetime) -> bool:
        """Record that a date is closed; False when it was closed before."""


class CloseRefused(Fault):
    """Raised when the books refuse a booking of the close; the run stops there."""


def close_of_business(
    business_date: date,
    *,
    plans: PlanLog,
    dates: BusinessDates,
    ledger: KeptLedger,
    terms: TermsOf,
    at: datetime,
    commit: Callable[[], None],
    chunk: int = CHUNK,
) -> tuple[ClosedDate, ...]:
    """Close every date after the last closed one, up to this one; empty when it is closed. Commits after each chunk.

    The first date that is ever closed also includes the bookings of all days before it.
    """
    last = dates.last()
    first = business_date if last is None else last + timedelta(days=1)
    closed = []
    for days in range((business_date - first).days + 1):
        day = first + timedelta(days=days)
        visited = posted = 0
        after = ""
        while plan_ids := dates.to_visit(day, after=after, limit=chunk):
            posted += close_plans(day, plan_ids, plans=plans, ledger=ledger, terms=terms, at=at)
            posted += use_credit(day, plan_ids, plans=plans, ledger=ledger, terms=terms, at=at)
            commit()
            visited, after = visited + len(plan_ids), plan_ids[-1]
        closed.append(ClosedDate(day, visited, posted))
        dates.close(closed[-1], at=at)
        commit()
    return tuple(closed)


def close_plans(
    day: date, plan_ids: Sequence[str], *, plans: PlanLog, ledger: KeptLedger, terms: TermsOf, at: datetime
) -> int:
    """Fold these plans through a day and post the resulting bookings; returns the number of entries. Never commits."""
    known = RecordedContext(at, at, first_open_day(ledger), f"close of business {day.isoformat()}")
    changes: list[PlanChange] = []
    asked: list[Asked] = []
    for history in plans.lock_since_checkpoint(plan_ids).values():
        if history.folded_through >= day:  # a payment was recorded meanwhile and included the day's bookings
            continue
        servicing = terms(history.plan)
        change, added = _close_plan(day, from_checkpoint(history, servicing, plans), servicing, known)
        changes.append(change)
        asked += added
    for answer in ledger.post_batch(asked):
        if isinstance(answer, Refused):
            raise CloseRefused(f"close of business {day}: {answer.entry_id}: {answer.reasons}")
    plans.keep(changes)
    return len(asked)


def _close_plan(
    day: date, history: PlanHistory, terms: ServicingTerms, known: RecordedContext
) -> tuple[PlanChange, list[Asked]]:
    """The bookings since the last fold. Bookings of earlier days do not change without new events."""
    since = history.folded_through
    state = history.fold(terms, through=day, accrued_from=since)
    added = [booking for booking in state.bookings if booking.value_date > since]
    made = correction((), added, known, history.corrected)
    number = history.version
    late = any(booking.flow == LATE_FEE for booking in added)
    facts: list[Fact] = []
    if late:
        before = history.fold(terms, through=since, accrued_from=since)
        facts = day_facts(history.plan, before, state, number, known.occurred_at)
    change = PlanChange(
        standing_of(state, version=number), corrected=made.corrected, instalments_too=late, facts=tuple(facts)
    )
    return change, [step.asked for step in made.steps]
