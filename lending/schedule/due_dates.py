"""The due days of a schedule: every number of days, weeks or months, with month ends and leap days handled.

Days are calendar days without a time, so time zones and clock changes do not move them.
"""

import calendar
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Unit(StrEnum):
    """The unit of a spacing."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


class Adjustment(StrEnum):
    """How a due on a day without business is moved.

    `off_holidays` is for rails that collect on weekends: only a due on a holiday moves, to the next business day.
    """

    NONE = "none"
    OFF_HOLIDAYS = "off_holidays"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"


@dataclass(frozen=True, slots=True)
class Spacing:
    """The distance between dues, such as every 14 days or every 3 months."""

    every: int
    unit: Unit

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"dues are at least one of {self.unit} apart, not {self.every}")

    def after(self, start: date, times: int) -> date:
        """The day `times` spacings after a start, always counted from the start: a short month has no later effect.

        >>> [str(Spacing(1, Unit.MONTHS).after(date(2028, 1, 31), times)) for times in (1, 2)]
        ['2028-02-29', '2028-03-31']
        """
        match self.unit:
            case Unit.DAYS:
                return start + timedelta(days=times * self.every)
            case Unit.WEEKS:
                return start + timedelta(weeks=times * self.every)
            case Unit.MONTHS:
                return months_after(start, times * self.every)


def months_after(day: date, months: int) -> date:
    """The same day a number of months later, or earlier if negative; the last day of a month that is shorter.

    >>> [str(months_after(date(2023, 12, 31), months)) for months in (1, 2, 3)]
    ['2024-01-31', '2024-02-29', '2024-03-31']
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def first_on_or_after(day: date, day_of_month: int) -> date:
    """The first occurrence of a day of the month on or after a day; the last day of a month that is too short.

    >>> [str(first_on_or_after(date(1996, 2, day), 12)) for day in (11, 12, 13)]
    ['1996-02-12', '1996-02-12', '1996-03-12']
    """
    if not 1 <= day_of_month <= 31:
        raise ValueError(f"{day_of_month} is not a day of a month")
    of_this_month, of_the_next = (
        start.replace(day=min(day_of_month, calendar.monthrange(start.year, start.month)[1]))
        for start in (day.replace(day=1), months_after(day.replace(day=1), 1))
    )
    return of_this_month if of_this_month >= day else of_the_next


def on_business_day(day: date, adjustment: Adjustment, holidays: Collection[date] = frozenset()) -> date:
    """The day itself, or the next one that is neither on a weekend nor a holiday.

    Modified following: where the next business day lies in another month, the last business day before it.

    >>> str(on_business_day(date(2026, 5, 31), Adjustment.FOLLOWING)), str(
    ...     on_business_day(date(2026, 5, 31), Adjustment.MODIFIED_FOLLOWING)
    ... )
    ('2026-06-01', '2026-05-29')
    """
    if adjustment is Adjustment.NONE or (adjustment is Adjustment.OFF_HOLIDAYS and day not in holidays):
        return day
    following = _first_open(day, timedelta(days=1), holidays)
    if adjustment is Adjustment.MODIFIED_FOLLOWING and following.month != day.month:
        return _first_open(day, timedelta(days=-1), holidays)
    return following


def _first_open(day: date, step: timedelta, holidays: Collection[date]) -> date:
    while day.weekday() >= calendar.SATURDAY or day in holidays:
        day += step
    return day
