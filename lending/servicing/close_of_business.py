"""Act: close a business date for all plans: interest of the day, late fees, credit that pays dues, days past due.

Plans whose interest only grows are brought to the date together, without a fold. Plans with an instalment due or past
due, and others whose days are not alike, are visited, in chunks with a transaction each. A plan already folded through
the date is skipped, so that a rerun after an interruption completes the rest and changes nothing else. In the end each
pool takes the interest of the day in one transfer. Missed days are closed one by one, the oldest first.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from ledger.books.store import Asked, Refused
from ledger.map.flow import Flow
from ledger.outbox.outbox import Fact
from lending.plan.correct_bookings import Correction, RecordedContext, correction
from lending.servicing.daily_interest import falls_due
from lending.servicing.facts import day_facts
from lending.servicing.interest_pools import InterestPool, InterestPools, OwedFrom, owed_on_plan, pool_of, to_pools
from lending.servicing.log import PlanChange, PlanHistory, PlanLog, standing_of
from lending.servicing.record_events import KeptLedger, TermsOf, first_open_day, from_checkpoint
from lending.servicing.use_credit import use_credit
from lending.terms.servicing_terms import ServicingTerms
from terminal.clock import must_have_begun
from terminal.fault import Fault

LATE_FEE = Flow.LATE_FEE
CHUNK = 1_000
ALIKE = 10_000  # plans that reach a date together without a fold


@dataclass(frozen=True, slots=True)
class ClosedDate:
    """A closed business date, with the number of plans visited and of entries posted."""

    business_date: date
    visited: int
    posted: int


class BusinessDates(InterestPools, Protocol):
    """Stores the closed dates, and finds the plans that a date affects."""

    def last(self) -> date | None:
        """The last closed date; None before the first."""

    def accrue(self, business_date: date, *, after: str, limit: int) -> tuple[str | None, int]:
        """Let plans after an id whose interest only grows reach the date, and keep it for their pools.

        Returns the last id that was looked at, None when there are no more, and the number of plans that reached it.
        """

    def to_visit(self, business_date: date, *, after: str, limit: int) -> Sequence[str]:
        """Other plans that bear interest or have an earlier due and have not reached the date, ordered by id."""

    def lock(self, business_date: date) -> bool:
        """Wait for other runs that close a date; False when this one is closed."""

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
    alike: int = ALIKE,
) -> tuple[ClosedDate, ...]:
    """Close every date after the last closed one, up to this one; empty when it is closed. Commits after each chunk.

    The first date that is ever closed also includes the bookings of all days before it. Raises NotYetBegun for
    a date after the day of `at`.
    """
    must_have_begun(business_date, at)
    last = dates.last()
    first = business_date if last is None else last + timedelta(days=1)
    closed = []
    for days in range((business_date - first).days + 1):
        day = first + timedelta(days=days)
        visited = posted = 0
        after = ""
        while (reached := dates.accrue(day, after=after, limit=alike))[0] is not None:
            commit()
            after, visited = reached[0], visited + reached[1]
        after = ""
        while plan_ids := dates.to_visit(day, after=after, limit=chunk):
            posted += close_plans(day, plan_ids, plans=plans, ledger=ledger, terms=terms, at=at, pools=dates)
            posted += use_credit(day, plan_ids, plans=plans, ledger=ledger, terms=terms, at=at)
            commit()
            visited, after = visited + len(plan_ids), plan_ids[-1]
        closed.append(_end_day(day, visited, posted, dates=dates, ledger=ledger, at=at))
        commit()
    return tuple(closed)


def _end_day(
    day: date, visited: int, posted: int, *, dates: BusinessDates, ledger: KeptLedger, at: datetime
) -> ClosedDate:
    """Let each pool take the interest of the day in one transfer, and record that the day is closed."""
    if not dates.lock(day):  # by another run, which leaves nothing but what the next day will take
        return ClosedDate(day, visited, posted)
    transfers = to_pools(dates.take(), day, at, first_open_day(ledger))
    _post(day, transfers, ledger)
    closed = ClosedDate(day, visited, posted + len(transfers))
    dates.close(closed, at=at)
    return closed


def close_plans(
    day: date,
    plan_ids: Sequence[str],
    *,
    plans: PlanLog,
    ledger: KeptLedger,
    terms: TermsOf,
    at: datetime,
    pools: InterestPools | None = None,
) -> int:
    """Fold these plans through a day and post the resulting bookings; returns the number of entries. Never commits.

    Interest that is not due stays with `pools`; without them, all of it is brought to the plans' own accounts.
    """
    known = RecordedContext(at, at, first_open_day(ledger), f"close of business {day.isoformat()}")
    changes: list[PlanChange] = []
    asked: list[Asked] = []
    accrued: Counter[InterestPool] = Counter()
    for history in plans.lock_since_checkpoint(plan_ids).values():
        in_pool = pools is None and history.pooled > 0
        if history.folded_through >= day and not in_pool:  # a payment meanwhile included the day's bookings
            continue
        servicing = terms(history.plan)
        through = max(day, history.folded_through)
        change, made = _close_plan(
            through, from_checkpoint(history, servicing, plans), servicing, known, all_owed=pools is None
        )
        changes.append(change)
        asked += [step.asked for step in made.steps]
        accrued[pool_of(history.plan)] += change.standing.pooled.minor and made.accrued
    _post(day, asked, ledger)
    if pools is not None:
        pools.add({pool: minor for pool, minor in accrued.items() if minor})
    plans.keep(changes)
    return len(asked)


def _post(day: date, asked: Sequence[Asked], ledger: KeptLedger) -> None:
    for answer in ledger.post_batch(asked):
        if isinstance(answer, Refused):
            raise CloseRefused(f"close of business {day}: {answer.entry_id}: {answer.reasons}")


def _close_plan(
    day: date, history: PlanHistory, terms: ServicingTerms, known: RecordedContext, *, all_owed: bool
) -> tuple[PlanChange, Correction]:
    """The bookings since the last fold. Bookings of earlier days do not change without new events."""
    since, plan = history.folded_through, history.plan
    state = history.fold(terms, through=day, accrued_from=since)
    added = [booking for booking in state.bookings if booking.value_date > since]
    made = correction((), added, known, history.corrected)
    pooled = history.pooled + made.accrued
    if all_owed or falls_due(state, since):
        at = datetime.combine(day, time.min, UTC)
        owed = OwedFrom(str(day), f"{Flow.INTEREST_ACCRUED}:{plan.plan_id}/{day}", day, at, made.accrued)
        made = owed_on_plan(plan, history.pooled, made, known, [owed])
        pooled = 0
    number = history.version
    late = any(booking.flow == LATE_FEE for booking in added)
    facts: list[Fact] = []
    if late:
        before = history.fold(terms, through=since, accrued_from=since)
        facts = day_facts(history.plan, before, state, number, known.occurred_at)
    change = PlanChange(
        standing_of(state, version=number, pooled=pooled),
        corrected=made.corrected,
        instalments_too=late or made.accrued > 0,  # the schedule is split anew as interest grows
        facts=tuple(facts),
    )
    return change, made
