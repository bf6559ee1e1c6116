"""How late a plan is: days since its oldest unpaid due, without the days of pauses, and the bucket of that many."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from lending.terms.servicing_terms import Bucket


class PauseReason(StrEnum):
    """Why days do not count."""

    HOLIDAY = "holiday"
    FORBEARANCE = "forbearance"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Pause:
    """Days that do not count as past due and on which nothing is collected; without an end it lasts."""

    reason: PauseReason
    starts: date
    ends: date | None = None

    def covers(self, day: date) -> bool:
        return self.starts <= day and (self.ends is None or day < self.ends)


def days_late(since: date, as_of: date, pauses: Iterable[Pause]) -> int:
    """The days after `since` up to and with `as_of` that lie in no pause; the first day late is the day after a due.

    >>> holiday = Pause(PauseReason.HOLIDAY, date(2026, 3, 5), date(2026, 3, 8))
    >>> [days_late(date(2026, 3, 1), date(2026, 3, day), [holiday]) for day in (1, 4, 5, 7, 8)]
    [0, 3, 3, 3, 4]
    """
    days = (as_of - since).days
    if days <= 0:
        return 0
    reached = since + timedelta(days=1)
    for pause in sorted(pauses, key=lambda each: each.starts):
        starts = max(pause.starts, reached)
        ends = as_of + timedelta(days=1) if pause.ends is None else min(pause.ends, as_of + timedelta(days=1))
        if ends > starts:
            days -= (ends - starts).days
            reached = ends
    return days


def day_late(since: date, days: int, pauses: Sequence[Pause]) -> date | None:
    """The first day on which something due on `since` is so many days late; None while a pause without end runs."""
    late = since + timedelta(days=days)
    reached = since + timedelta(days=1)
    for pause in sorted(pauses, key=lambda each: each.starts):
        starts = max(pause.starts, reached)
        if starts > late:
            break
        if pause.ends is None:
            return None
        if pause.ends > starts:
            late += pause.ends - starts
            reached = pause.ends
    return late


def bucket_of(days: int, buckets: Sequence[Bucket]) -> Bucket:
    """The one bucket that so many days fall into."""
    return next(each for each in reversed(buckets) if each.from_days <= days)
