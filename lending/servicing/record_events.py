"""Act: record events of plans; each is checked against those before it, stored, folded and booked.

Bookings are a function of a plan's events. An event that became known late can therefore change the bookings of events
valued after it: those are reversed, the newest first, and posted again as the new fold requires.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Protocol

from ledger.books.store import Books, Conflict, Ledger, Refusal, Refused, Request, Reversal
from ledger.outbox.outbox import Fact
from lending.plan.checkpoint import Checkpoint, rules_of
from lending.plan.correct_bookings import Correction, RecordedContext, correction, interest_in
from lending.plan.event import PlanEvent, Reversed, first_event_difference
from lending.plan.fold import fold_to_checkpoint
from lending.plan.plan import Plan
from lending.plan.refusal import PlanRefusal
from lending.plan.refuse import refuse
from lending.plan.state import PlanState
from lending.servicing.facts import event_facts
from lending.servicing.interest_pools import OwedFrom, owed_on_plan
from lending.servicing.log import PlanChange, PlanHistory, PlanLog, standing_of
from lending.terms.servicing_terms import ServicingTerms
from terminal.fault import Fault

TermsOf = Callable[[Plan], ServicingTerms]

MOST_CLOSES = 10  # periods that may be closed while events are recorded
SPARE = 8  # events that may come late and still count after the checkpoint
SINCE = 2 * SPARE  # events after a checkpoint when the next one is made


class KeptLedger(Ledger, Books, Protocol):
    """Books that can be read and written."""


@dataclass(frozen=True, slots=True)
class EventRecorded:
    """The event is stored and booked: the ids of entries posted and of entries reversed, in the order of the books."""

    event_id: str
    posted: tuple[str, ...]
    reversed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventAlreadyRecorded:
    """The event was recorded before with the same content; nothing changed."""

    event_id: str


@dataclass(frozen=True, slots=True)
class EventRefused:
    """Nothing of the event is stored, because the plan's state does not allow it or the books refuse its bookings."""

    event_id: str
    reasons: tuple[PlanRefusal | Refusal, ...]


Answer = EventRecorded | EventAlreadyRecorded | EventRefused


class UnknownPlan(Fault, LookupError):
    """Raised for an event of a plan that was never opened."""

    @property
    def user_message(self) -> str:
        return f"no plan {self.args[0]} was ever opened"


def record_events(
    events: Sequence[PlanEvent], *, plans: PlanLog, ledger: KeptLedger, terms: TermsOf
) -> tuple[Answer, ...]:
    """Record events of any plans, in order, in a few round trips; each event has its own answer.

    It never commits. Concurrent acts on one plan wait for each other, and the second sees the result of the first. An
    event whose bookings are refused is not stored. Raises ledger.store.Conflict for a known id with other content.
    """
    histories = plans.lock_since_checkpoint(sorted({event.plan_id for event in events}))
    known = dict(plans.find_events([event.event_id for event in events]))
    fresh: dict[str, list[PlanEvent]] = {}
    for event in events:
        if event.plan_id not in histories:
            raise UnknownPlan(event.plan_id)
        if event.event_id not in known:
            known[event.event_id] = event
            fresh.setdefault(event.plan_id, []).append(event)
        field = first_event_difference(known[event.event_id], event)
        if field is not None:
            raise Conflict(event.event_id, field)
    answers = _take(fresh, histories, plans, ledger, terms)
    found: list[Answer] = []
    for event in events:
        found.append(answers.get(event.event_id, EventAlreadyRecorded(event.event_id)))
        if isinstance(found[-1], EventRecorded):  # an id that occurs twice is recorded once
            answers[event.event_id] = EventAlreadyRecorded(event.event_id)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The outcome of one plan's new events: events accepted and refused, and the bookings to correct."""

    change: PlanChange
    refused: Mapping[str, EventRefused]
    correction: Correction


class _BooksRefused(Exception):
    """Raised when the books refuse bookings of events; holds the reasons by event."""

    def __init__(self, reasons: Mapping[str, tuple[Refusal, ...]]) -> None:
        super().__init__(reasons)
        self.reasons = reasons


def _take(
    fresh: Mapping[str, Sequence[PlanEvent]],
    histories: Mapping[str, PlanHistory],
    plans: PlanLog,
    ledger: KeptLedger,
    terms: TermsOf,
) -> dict[str, Answer]:
    """Check and write events; when the books refuse some of them, repeat without those."""
    refused: dict[str, tuple[Refusal, ...]] = {}
    rounds = sum(len(events) for events in fresh.values()) + MOST_CLOSES  # each refuses an event or meets a new close
    for _ in range(rounds):
        first_open = first_open_day(ledger)
        judged = [
            _judge_plan(histories[plan_id], events, refused, terms(histories[plan_id].plan), first_open, plans)
            for plan_id, events in fresh.items()
        ]
        taken = [each for each in judged if each.change.events]
        try:
            with plans.savepoint():
                _post(taken, ledger)
                plans.keep([each.change for each in taken])
        except _BooksRefused as error:
            if first_open_day(ledger) == first_open:  # else the day was closed meanwhile: judge again
                refused |= error.reasons
            continue
        answers: dict[str, Answer] = {}
        for each in judged:
            answers |= each.refused
            answers |= dict(_answers(each))
        return answers
    raise RuntimeError(f"the books refused what events book in each of {rounds} rounds")


def _judge_plan(  # noqa: PLR0917 - what `_judge` takes, and where the plan's whole history is read
    history: PlanHistory,
    events: Sequence[PlanEvent],
    refused_by_books: Mapping[str, tuple[Refusal, ...]],
    terms: ServicingTerms,
    first_open: date | None,
    plans: PlanLog,
) -> _Judged:
    """Judge from the plan's checkpoint, or from its beginning where events change what was booked before them."""
    known = from_checkpoint(history, terms, plans, events)
    judged = _judge(known, events, refused_by_books, terms, first_open)
    if known.checkpoint is not None and any(isinstance(step.asked, Reversal) for step in judged.correction.steps):
        known = whole_history(history, plans)
        judged = _judge(known, events, refused_by_books, terms, first_open)
    change = replace(
        judged.change,
        checkpoint=_next_checkpoint(known, judged.change.events, terms),
        forget_checkpoint=history.checkpoint is not None and known.checkpoint is None,
    )
    return replace(judged, change=change)


def _next_checkpoint(history: PlanHistory, taken: Sequence[PlanEvent], terms: ServicingTerms) -> Checkpoint | None:
    events = (*history.events, *taken)
    if not taken or len(events) < SINCE:
        return None
    return fold_to_checkpoint(history.plan, events, terms, start=history.checkpoint, spare=SPARE)


def from_checkpoint(
    history: PlanHistory, terms: ServicingTerms, plans: PlanLog, more: Sequence[PlanEvent] = ()
) -> PlanHistory:
    """The history as it is if its checkpoint holds with more events, else the whole one."""
    if history.checkpoint is None or history.checkpoint.holds((*history.events, *more), rules_of(terms)):
        return history
    return whole_history(history, plans)


def whole_history(history: PlanHistory, plans: PlanLog) -> PlanHistory:
    """The history with all events of the plan, which is locked."""
    return plans.histories([history.plan.plan_id])[history.plan.plan_id]


def _judge(
    history: PlanHistory,
    events: Sequence[PlanEvent],
    refused_by_books: Mapping[str, tuple[Refusal, ...]],
    terms: ServicingTerms,
    first_open: date | None,
) -> _Judged:
    """Accept each event that the plan's state allows, and compare the posted bookings with those required now."""
    plan, through = history.plan, history.folded_through
    taken: list[PlanEvent] = []
    facts: list[Fact] = []
    owed: list[OwedFrom] = []
    refused: dict[str, EventRefused] = {}
    accrued_from = _unchanged_through(history, events)

    def folded(day: date) -> PlanState:
        return history.fold(terms, through=day, accrued_from=accrued_from, more=taken)

    before = state = folded(through)
    for event in events:
        day = max(through, event.value_date)
        judge = state if state.through == day else folded(day)
        reasons = refused_by_books.get(event.event_id) or refuse(judge, event)
        if reasons:
            refused[event.event_id] = EventRefused(event.event_id, reasons)
            continue
        taken.append(event)
        number = history.version + len(taken)
        earlier, state, through = state, folded(day), day
        accrued = interest_in(state.bookings) - interest_in(earlier.bookings)
        owed.append(OwedFrom(event.event_id, event.event_id, event.value_date, event.occurred_at, accrued))
        facts += event_facts(event, plan, None if number == 1 else earlier, state, number)
    if not taken:
        standing = standing_of(before, version=history.version, pooled=history.pooled)
        return _Judged(PlanChange(standing), refused, Correction((), {}))
    newest = taken[-1]
    known = RecordedContext(newest.occurred_at, newest.recorded_at, first_open, f"{newest.event_id} became known")
    corrected = correction(before.bookings, state.bookings, known, history.corrected)
    corrected = owed_on_plan(plan, history.pooled, corrected, known, owed)
    standing = standing_of(state, version=history.version + len(taken))
    change = PlanChange(standing, tuple(taken), corrected.corrected, facts=tuple(facts))
    return _Judged(change, refused, corrected)


def _unchanged_through(history: PlanHistory, events: Sequence[PlanEvent]) -> date | None:
    """The last day whose interest no event can change; None when an event can change days of any age."""
    if any(isinstance(event.body, Reversed) for event in events):
        return None
    return min(history.folded_through, *(event.value_date for event in events)) - timedelta(days=1)


def _post(judged: Sequence[_Judged], ledger: KeptLedger) -> None:
    """Post all bookings in one batch; raises _BooksRefused with the reasons by event."""
    steps = [(each, step) for each in judged for step in each.correction.steps]
    reasons: dict[str, tuple[Refusal, ...]] = {}
    for (each, step), answer in zip(steps, ledger.post_batch([step.asked for _, step in steps]), strict=True):
        if isinstance(answer, Refused):
            taken = [event.event_id for event in each.change.events]
            behind = [step.event_id] if step.event_id in taken else taken
            for event_id in behind:  # a booking without a new event of its own was changed by all of them
                reasons[event_id] = reasons.get(event_id, ()) + answer.reasons
    if reasons:
        raise _BooksRefused(reasons)


def _answers(judged: _Judged) -> Iterator[tuple[str, EventRecorded]]:
    """The answer for each event. Corrections of other events' bookings are listed with the last accepted event."""
    taken = [event.event_id for event in judged.change.events]
    posted: dict[str, list[str]] = {event_id: [] for event_id in taken}
    reversed_: dict[str, list[str]] = {event_id: [] for event_id in taken}
    for step in judged.correction.steps:
        behind = step.event_id if step.event_id in posted else taken[-1]
        match step.asked:
            case Request(journal=journal):
                posted[behind].append(journal.entry_id)
            case Reversal(reverses=entry_id):
                reversed_[taken[-1]].append(entry_id)
    for event_id in taken:
        yield event_id, EventRecorded(event_id, tuple(posted[event_id]), tuple(reversed_[event_id]))


def first_open_day(books: Books) -> date | None:
    """The first day that is open to postings; None when no period was ever closed."""
    closed = books.closed_through()
    return None if closed is None else closed + timedelta(days=1)
