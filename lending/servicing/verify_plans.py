"""Act: fold every plan's events again, and compare what is stored of it: standing, checkpoint and journals."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ledger.proof.check import CheckFault
from lending.plan.booking import Booking, journal_of
from lending.plan.checkpoint import Checkpoint, rules_of
from lending.plan.correct_bookings import entry_id_of
from lending.plan.fold import fold, fold_to_checkpoint
from lending.plan.plan import Plan
from lending.plan.run_data import RunReader, data_of
from lending.servicing.log import PlanHistory, PlanStanding, standing_of
from lending.servicing.record_events import TermsOf
from lending.servicing.standing_differences import standing_differences
from lending.terms.servicing_terms import ServicingTerms

CHUNK = 500


@dataclass(frozen=True, slots=True)
class PostedBooking:
    """A journal of the books: the day for which it was meant, and its transfers as (debit, credit, minor units)."""

    value_date: date
    reversed: bool
    transfers: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class FoldedPlans:
    """The number of plans and events folded, and every difference."""

    plans: int
    events: int
    faults: tuple[CheckFault, ...]


class StoredPlans(Protocol):
    """Reads what is stored of plans; it takes no locks."""

    def listed(self, *, after: int, limit: int) -> Sequence[tuple[int, str]]:
        """The next plans: their positions and ids."""

    def histories(self, plan_ids: Sequence[str]) -> Mapping[str, PlanHistory]:
        """All events of plans. Raises for an event that cannot be read."""

    def standings(self, plan_ids: Sequence[str]) -> Mapping[str, PlanStanding]:
        """The stored standings of plans."""

    def checkpoints(self, plan_ids: Sequence[str]) -> Mapping[str, tuple[str, Callable[[], Checkpoint]]]:
        """The event at whose position a plan's checkpoint stands, and the checkpoint, which may not be readable."""

    def posted(self, entry_ids: Sequence[str]) -> Mapping[str, PostedBooking]:
        """Journals by id."""


def verify_plans(plans: StoredPlans, *, terms: TermsOf, chunk: int = CHUNK) -> FoldedPlans:
    """Fold every plan; nothing is written. One that cannot be read or folded is named, and stops only itself."""
    count = events = position = 0
    faults: list[CheckFault] = []
    while listed := plans.listed(after=position, limit=chunk):
        ids = [plan_id for _, plan_id in listed]
        try:
            seen, found = _examine(plans, ids, terms)
        # whatever a changed row does to the fold, the others are examined without it
        except Exception:  # noqa: BLE001
            seen, found = _one_by_one(plans, ids, terms)
        count, events, position = count + len(ids), events + seen, listed[-1][0]
        faults += found
    return FoldedPlans(count, events, tuple(faults))


def _one_by_one(plans: StoredPlans, plan_ids: Sequence[str], terms: TermsOf) -> tuple[int, list[CheckFault]]:
    events, faults = 0, []
    for plan_id in plan_ids:
        try:
            seen, found = _examine(plans, [plan_id], terms)
        # whatever a changed row does to its fold, the other plans are examined
        except Exception as error:  # noqa: BLE001
            seen, found = (
                0,
                [CheckFault("plan", f"plan {plan_id}", f"cannot be folded: {type(error).__name__}: {error}")],
            )
        events += seen
        faults += found
    return events, faults


def _examine(plans: StoredPlans, plan_ids: Sequence[str], terms: TermsOf) -> tuple[int, list[CheckFault]]:
    histories, kept = plans.histories(plan_ids), plans.standings(plan_ids)
    checkpoints = plans.checkpoints(plan_ids)
    faults: list[CheckFault] = []
    bookings: list[tuple[PlanHistory, Booking]] = []
    for plan_id in plan_ids:
        history = histories.get(plan_id)
        if history is None:
            faults.append(CheckFault("standing", f"plan {plan_id}", "has no standing"))
        elif not history.events:
            if kept[plan_id].version:
                faults.append(
                    CheckFault("standing", f"plan {plan_id}", f"has none of its {kept[plan_id].version} events")
                )
        else:
            servicing = terms(history.plan)
            state = fold(history.plan, history.events, servicing, through=history.folded_through)
            made = standing_of(state, version=len(history.events))
            for each in standing_differences(kept[plan_id], made):
                detail = f"{each.field} is {each.kept}, its events make it {each.made}"
                faults.append(CheckFault("standing", f"plan {plan_id}", detail))
            if plan_id in checkpoints:
                faults += _checkpoint_faults(history, servicing, *checkpoints[plan_id])
            bookings += ((history, booking) for booking in state.bookings)
            faults += _left_standing(history, state.bookings)
    faults += _journal_faults(bookings, plans)
    return sum(len(each.events) for each in histories.values()), faults


def _checkpoint_faults(
    history: PlanHistory, terms: ServicingTerms, stands_at: str, read: Callable[[], Checkpoint]
) -> Iterator[CheckFault]:
    """A checkpoint of other rules is void: it is never read, and so not compared."""
    where = f"plan {history.plan.plan_id}"
    try:
        kept = read()
        if kept.rules != rules_of(terms):
            return
        made = fold_to_checkpoint(history.plan, history.events[: kept.count], terms, start=None, spare=0)
        if made is None or made.count != kept.count:
            yield CheckFault("checkpoint", where, f"covers {kept.count} of {len(history.events)} events")
            return
        said = {"log_end": made.log_end, "last": made.last, "mentioned": made.mentioned, "known": made.known}
        wrong = [name for name, value in said.items() if getattr(kept, name) != value]
        if stands_at != made.log_end:
            wrong.append("position")
        wrong += _run_differences(kept, made, history.plan, terms)
    # a changed text can fail in any way when it is read
    except Exception as error:  # noqa: BLE001
        yield CheckFault("checkpoint", where, f"cannot be read: {type(error).__name__}: {error}")
        return
    if wrong:
        yield CheckFault("checkpoint", where, f"its first {kept.count} events make it otherwise: {', '.join(wrong)}")


def _run_differences(kept: Checkpoint, made: Checkpoint, plan: Plan, terms: ServicingTerms) -> list[str]:
    """The attributes of the running plan that differ; both are written anew, so that equal ones have equal objects."""
    one, other = _written_anew(kept, plan, terms), _written_anew(made, plan, terms)
    names = sorted(one[0].keys() | other[0].keys())
    wrong = [name for name in names if one[0].get(name) != other[0].get(name)]
    return wrong if wrong or one[1] == other[1] else ["objects"]


def _written_anew(
    checkpoint: Checkpoint, plan: Plan, terms: ServicingTerms
) -> tuple[Mapping[str, object], list[object]]:
    run = RunReader(checkpoint.run).run(plan, terms, None)
    list(run.payments.values())  # what is read only on demand is read
    list(run.stretches)
    data = data_of(run, None)
    return data.attributes, data.objects


def _left_standing(history: PlanHistory, wanted: Sequence[Booking]) -> Iterator[CheckFault]:
    """Bookings that were posted again after a reversal and are no longer asked for."""
    ids = {booking.entry_id for booking in wanted}
    for entry_id, known in history.corrected.items():
        if known.stands and entry_id not in ids:
            yield CheckFault("booking", f"plan {history.plan.plan_id}", f"{entry_id} stands, and no event asks for it")


def _journal_faults(bookings: Sequence[tuple[PlanHistory, Booking]], plans: StoredPlans) -> Iterator[CheckFault]:
    """Each booking that the events ask for is posted as it is, in a journal that was not reversed."""
    asked = {}
    for history, booking in bookings:
        known = history.corrected.get(booking.entry_id)
        asked[entry_id_of(booking, 1 if known is None else known.times)] = (history, booking)
    posted = plans.posted(list(asked))
    for entry_id, (history, booking) in asked.items():
        found = posted.get(entry_id)
        transfers = [
            (each.debit, each.credit, each.amount.minor)
            for each in journal_of(booking, recorded_at=booking.occurred_at).transfers
        ]
        known = history.corrected.get(booking.entry_id)
        if known is not None and not known.stands:
            detail = "is said to be taken back, and its events ask for it"
        elif found is None:
            detail = "is not posted"
        elif found.reversed:
            detail = "is reversed"
        elif found.value_date != booking.value_date:
            detail = f"is valued {found.value_date}, its events say {booking.value_date}"
        elif list(found.transfers) != transfers:
            detail = f"moves {list(found.transfers)}, its events say {transfers}"
        else:
            continue
        yield CheckFault("booking", f"plan {history.plan.plan_id}", f"{entry_id} {detail}")
