"""Records what happens to plans: every event is judged by what came before it, kept, folded and booked.

Bookings are a function of a plan's events. An event that became known late can therefore change bookings of events
valued after it: those are reversed, the newest first, and what the fold now asks for is posted in their place.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from ledger.books.store import Books, Conflict, Ledger, Refusal, Refused, Request, Reversal
from ledger.outbox.outbox import Fact
from lending.plan.correct_bookings import Correction, Known, correction
from lending.plan.event import PlanEvent, Reversed, first_event_difference
from lending.plan.fold import fold
from lending.plan.plan import Plan
from lending.plan.refusal import PlanRefusal
from lending.plan.refuse import refuse
from lending.plan.state import PlanState
from lending.servicing.facts import event_facts
from lending.servicing.log import Change, PlanHistory, PlanLog, standing_of
from lending.terms.servicing_terms import ServicingTerms
from terminal.fault import Fault

TermsOf = Callable[[Plan], ServicingTerms]


class KeptLedger(Ledger, Books, Protocol):
    """Books that are written and read."""


@dataclass(frozen=True, slots=True)
class EventRecorded:
    """The event is kept and booked: the entries posted for it and those reversed, in the order of the books."""

    event_id: str
    posted: tuple[str, ...]
    reversed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventAlreadyRecorded:
    """The event was known with the same content; nothing changed."""

    event_id: str


@dataclass(frozen=True, slots=True)
class EventRefused:
    """Nothing of the event is kept: the plan cannot take it, or the books do not take what it would book."""

    event_id: str
    reasons: tuple[PlanRefusal | Refusal, ...]


Answer = EventRecorded | EventAlreadyRecorded | EventRefused


class UnknownPlan(Fault, LookupError):
    """Raised for an event of a plan that was never opened."""

    @property
    def user_message(self) -> str:
        return f"no plan {self.args[0]} was ever opened"


def record(events: Sequence[PlanEvent], *, plans: PlanLog, ledger: KeptLedger, terms: TermsOf) -> tuple[Answer, ...]:
    """Take events of any number of plans, in order, in a few round trips; each has its own answer.

    It never commits. Two acts on one plan queue up: the second is judged by what the first left. What the books refuse
    is undone with the event that asked for it. Raises ledger.store.Conflict for a known id with another content.
    """
    histories = plans.lock(sorted({event.plan_id for event in events}))
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
        if isinstance(found[-1], EventRecorded):  # an id that comes twice is taken once
            answers[event.event_id] = EventAlreadyRecorded(event.event_id)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What one plan's new events come to: those taken, those refused, and what the books are asked for."""

    change: Change
    refused: Mapping[str, EventRefused]
    correction: Correction


class _BooksRefused(Exception):
    """The books refused what events would book: reasons by event."""

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
    """Judge and write; what the books refuse is judged again without the events that asked for it."""
    refused: dict[str, tuple[Refusal, ...]] = {}
    while True:
        first_open = first_open_day(ledger)
        judged = [
            _judge(histories[plan_id], events, refused, terms(histories[plan_id].plan), first_open)
            for plan_id, events in fresh.items()
        ]
        taken = [each for each in judged if each.change.events]
        try:
            with plans.whole():
                _post(taken, ledger)
                plans.keep([each.change for each in taken])
        except _BooksRefused as error:
            if first_open_day(ledger) == first_open:  # else the day was closed meanwhile
                refused |= error.reasons
            continue
        answers: dict[str, Answer] = {}
        for each in judged:
            answers |= each.refused
            answers |= dict(_answers(each))
        return answers


def _judge(
    history: PlanHistory,
    events: Sequence[PlanEvent],
    refused_by_books: Mapping[str, tuple[Refusal, ...]],
    terms: ServicingTerms,
    first_open: date | None,
) -> _Judged:
    """Take each event that the plan can take after those before it, and compare what was booked with what should be."""
    plan, through = history.plan, history.folded_through
    taken: list[PlanEvent] = []
    facts: list[Fact] = []
    refused: dict[str, EventRefused] = {}
    accrued_from = _unchanged_through(history, events)

    def folded(day: date) -> PlanState:
        return fold(plan, (*history.events, *taken), terms, through=day, accrued_from=accrued_from)

    before = state = folded(through)
    for event in events:
        day = max(through, event.value_date)
        judge = state if state.through == day else folded(day)
        reasons = refused_by_books.get(event.event_id) or refuse(judge, event)
        if reasons:
            refused[event.event_id] = EventRefused(event.event_id, reasons)
            continue
        taken.append(event)
        number = len(history.events) + len(taken)
        earlier, state, through = state, folded(day), day
        facts += event_facts(event, plan, None if number == 1 else earlier, state, number)
    if not taken:
        return _Judged(Change(standing_of(before, version=len(history.events))), refused, Correction((), {}))
    newest = taken[-1]
    known = Known(newest.occurred_at, newest.recorded_at, first_open, f"{newest.event_id} became known")
    corrected = correction(before.bookings, state.bookings, known, history.corrected)
    standing = standing_of(state, version=len(history.events) + len(taken))
    change = Change(standing, tuple(taken), corrected.corrected, facts=tuple(facts))
    return _Judged(change, refused, corrected)


def _unchanged_through(history: PlanHistory, events: Sequence[PlanEvent]) -> date | None:
    """The last day whose interest no event can change; None when one takes back an event of any age."""
    if any(isinstance(event.body, Reversed) for event in events):
        return None
    return min(history.folded_through, *(event.value_date for event in events)) - timedelta(days=1)


def _post(judged: Sequence[_Judged], ledger: KeptLedger) -> None:
    """Ask the books for everything at once; raises _BooksRefused with the reasons by event."""
    steps = [(each, step) for each in judged for step in each.correction.steps]
    reasons: dict[str, tuple[Refusal, ...]] = {}
    for (each, step), answer in zip(steps, ledger.post_batch([step.asked for _, step in steps]), strict=True):
        if isinstance(answer, Refused):
            taken = [event.event_id for event in each.change.events]
            behind = [step.event_id] if step.event_id in taken else taken
            for event_id in behind:  # what no new event has booked, all of them together have changed
                reasons[event_id] = reasons.get(event_id, ()) + answer.reasons
    if reasons:
        raise _BooksRefused(reasons)


def _answers(judged: _Judged) -> Iterator[tuple[str, EventRecorded]]:
    """Entries go with the event that booked them; what an event changed of others goes with the last one taken."""
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
    """The first day that the books still take; None when no period was ever closed."""
    closed = books.closed_through()
    return None if closed is None else closed + timedelta(days=1)
