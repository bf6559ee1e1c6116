"""How late a plan is: days past due since the oldest unpaid due, without paused days, and the delinquency bucket."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from lending.terms.servicing_terms import Bucket


class PauseReason(StrEnum):
    """Why days do not count as past due."""

    HOLIDAY = "holiday"
    FORBEARANCE = "forbearance"
    FROZEN = "frozen"
    INTEREST = "interest"  # only bears none: the days count as past due


@dataclass(frozen=True, slots=True)
class Pause:
    """Days that do not count as past due and on which nothing is collected. Without an end, the pause continues."""

    reason: PauseReason
    starts: date
    ends: date | None = None

    def covers(self, day: date) -> bool:
        return self.starts <= day and (self.ends is None or day < self.ends)


def days_late(since: date, as_of: date, pauses: Iterable[Pause]) -> int:
    """The days after `since`, up to and including `as_of`, that are in no pause; the day after a due is the first late.

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
    """The first day on which a due of `since` is `days` days late; None while a pause without an end runs."""
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
    """The bucket that contains this number of days past due."""
    return next(each for each in reversed(buckets) if each.from_days <= days)
