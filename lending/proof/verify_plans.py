"""Act: fold every plan's events again, and compare what is stored of it: standing, checkpoint and journals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ledger.map.flow import Flow
from ledger.proof.check import CheckFault
from lending.plan.booking import Booking, journal_of
from lending.plan.correct_bookings import entry_id_of
from lending.plan.fold import fold
from lending.proof.checkpoint_difference import checkpoint_difference
from lending.proof.standing_differences import standing_differences
from lending.servicing.log import PlanHistory, PlanStanding, StoredCheckpoint, standing_of
from lending.servicing.record_events import TermsOf

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

    def stored_checkpoints(self, plan_ids: Sequence[str]) -> Mapping[str, StoredCheckpoint]:
        """The checkpoints of plans as they are stored."""

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
    checkpoints = plans.stored_checkpoints(plan_ids)
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
            made = standing_of(state, version=len(history.events), pooled=history.pooled)
            for each in standing_differences(kept[plan_id], made):
                detail = f"{each.field} is {each.kept}, its events make it {each.made}"
                faults.append(CheckFault("standing", f"plan {plan_id}", detail))
            if plan_id in checkpoints:
                wrong = checkpoint_difference(history, servicing, checkpoints[plan_id])
                if wrong is not None:
                    faults.append(CheckFault("checkpoint", f"plan {plan_id}", wrong))
            # What interest has accrued is in the pools and on the plan's account, as the sum that a control proves.
            bookings += ((history, each) for each in state.bookings if each.flow != Flow.INTEREST_ACCRUED)
            faults += _left_standing(history, state.bookings)
    faults += _journal_faults(bookings, plans)
    return sum(len(each.events) for each in histories.values()), faults


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
