"""Correct the books of a plan after a late or reversed event: reversals and postings that lead to the new bookings.

Interest is the exception: its bookings, one for each day, are not posted one by one, only the difference of their sum.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile

from ledger.account import Side
from ledger.books.store import Act, Asked, Request, Reversal, Void
from ledger.map.flow import Flow
from ledger.map.flows import money_map
from lending.plan.booking import Booking, balances_of, journal_of


@dataclass(frozen=True, slots=True)
class Corrected:
    """A booking that was reversed at least once: how often it was posted, and whether its last posting is in force."""

    times: int
    stands: bool


@dataclass(frozen=True, slots=True)
class RecordedContext:
    """When the change happened and became known, the first open day of the books, and the reason for the change."""

    occurred_at: datetime
    recorded_at: datetime
    first_open: date | None
    reason: str


@dataclass(frozen=True, slots=True)
class CorrectionStep:
    """One reversal or posting, and the event that its booking comes from."""

    asked: Asked
    event_id: str


@dataclass(frozen=True, slots=True)
class Correction:
    """The steps in order, the updated record of reversed bookings, and by how many units more interest has accrued."""

    steps: tuple[CorrectionStep, ...]
    corrected: Mapping[str, Corrected]
    accrued: int = 0


def correction(
    posted: Sequence[Booking], wanted: Sequence[Booking], known: RecordedContext, corrected: Mapping[str, Corrected]
) -> Correction:
    """Reverse posted bookings that are no longer wanted, newest first, then post the missing ones in fold order.

    Both sequences are in fold order. A booking that is posted again names the entry that it corrects and has the
    number of its posting in its id; it no longer posts its hold, because the hold is used up. If an account would fall
    below its limit on the way, everything from the first difference on is reversed instead: the state after each step
    is then the beginning of a fold, which keeps every limit. More interest is posted before these steps, less interest
    after them.
    """
    accrued = interest_in(wanted) - interest_in(posted)
    (posted, interest), (wanted, interest_now) = _interest_apart(posted), _interest_apart(wanted)
    now = {booking.entry_id: booking for booking in wanted}
    there = {booking.entry_id: booking for booking in posted}
    gone = [booking for booking in reversed(posted) if now.get(booking.entry_id) != booking]
    missing = [booking for booking in wanted if there.get(booking.entry_id) != booking]
    if gone and _breaks_a_limit([*posted, *(interest if accrued < 0 else interest_now)], gone, missing):
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(posted, wanted, strict=False)))
        gone, missing = list(reversed(posted[same:])), list(wanted[same:])
    used = {hold for booking in posted for hold in (booking.hold_id, booking.voids) if hold is not None}
    times = {booking.entry_id: 1 for booking in gone} | {entry_id: each.times for entry_id, each in corrected.items()}
    changed = {booking.entry_id: Corrected(times[booking.entry_id], stands=False) for booking in gone}
    steps = [CorrectionStep(_reversal(booking, times[booking.entry_id], known), booking.event_id) for booking in gone]
    for booking in missing:
        before = times.get(booking.entry_id, 0)
        steps += (CorrectionStep(asked, booking.event_id) for asked in _posting(booking, before, used, known))
        if before:
            changed[booking.entry_id] = Corrected(before + 1, stands=True)
    return Correction(tuple(steps), changed, accrued)


def _interest_apart(bookings: Sequence[Booking]) -> tuple[list[Booking], list[Booking]]:
    """The bookings without those of interest that accrues, and those."""
    interest = [booking for booking in bookings if booking.flow == Flow.INTEREST_ACCRUED]
    return [booking for booking in bookings if booking.flow != Flow.INTEREST_ACCRUED], interest


def interest_in(bookings: Sequence[Booking]) -> int:
    """The interest, in units, that accrues in these bookings."""
    return sum(booking.amounts["interest"].minor for booking in bookings if booking.flow == Flow.INTEREST_ACCRUED)


def entry_id_of(booking: Booking, times: int) -> str:
    """The id of the journal entry of a booking's latest posting."""
    return booking.entry_id + _suffix(times)


def _suffix(times: int) -> str:
    return "" if times == 1 else f"#{times}"


def _breaks_a_limit(posted: Sequence[Booking], gone: Sequence[Booking], missing: Sequence[Booking]) -> bool:
    """Whether an account would fall below its floor while `gone` is reversed and `missing` is posted."""
    balances = balances_of(posted)
    for booking, sign in (*((each, -1) for each in gone), *((each, 1) for each in missing)):
        for (account, currency), minor in balances_of([booking]).items():
            after = balances[account, currency] = balances.get((account, currency), 0) + sign * minor
            kind = money_map().account_type(account)
            if kind.floor and (after if kind.normal is Side.DEBIT else -after) < 0:
                return True
    return False


def _reversal(booking: Booking, times: int, known: RecordedContext) -> Reversal:
    day = booking.value_date if known.first_open is None else max(booking.value_date, known.first_open)
    return Reversal(entry_id_of(booking, times), day, known.occurred_at, known.recorded_at, known.reason)


def _posting(booking: Booking, before: int, used: set[str], known: RecordedContext) -> Iterator[Asked]:
    if booking.voids is not None and booking.voids not in used:
        yield Void(booking.voids, known.recorded_at, f"split anew by {booking.entry_id}")
    journal = journal_of(
        booking,
        recorded_at=known.recorded_at,
        first_open=known.first_open,
        corrects=entry_id_of(booking, before) if before else None,
        suffix=_suffix(before + 1),
    )
    if booking.hold_id is None or before:
        yield Request(Act.POST, journal)
    elif booking.hold_id in used:  # it was released because its split was different; it is placed again
        held = journal_of(_hold_of(booking), recorded_at=known.recorded_at, first_open=known.first_open, suffix="#2")
        yield Request(Act.HOLD, held)
        yield Request(Act.POST_HOLD, journal, hold_id=held.entry_id)
    else:
        yield Request(Act.POST_HOLD, journal, hold_id=booking.hold_id)


def _hold_of(booking: Booking) -> Booking:
    """The hold that a booking posts, as a booking of the same amounts."""
    flow, _, key = (booking.hold_id or "").partition(":")
    return booking._replace(flow=flow, key=key, hold_id=None)
