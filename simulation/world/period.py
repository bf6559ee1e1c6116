"""The calendar of the seeded world: every date that another module needs."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

FEED_HOUR = 6
"""The hour at which a bank's feed arrives on the next day; a day's rows are therefore unknown at its midnight."""


@dataclass(frozen=True, slots=True)
class Period:
    """The dates of the world. Grants end long before the checkouts, so that every outcome is known by then."""

    first_grant: date = date(2024, 7, 1)
    last_grant: date = date(2025, 6, 30)
    train_until: date = date(2025, 3, 31)
    test_until: date = date(2025, 6, 30)
    first_checkout: date = date(2026, 1, 5)
    checkout_days: int = 5

    def days_of_checkout(self) -> tuple[date, ...]:
        """Every second day from the first one.

        >>> [day.day for day in Period().days_of_checkout()]
        [5, 7, 9, 11, 13]
        """
        return tuple(self.first_checkout + timedelta(days=2 * number) for number in range(self.checkout_days))

    @property
    def last_day(self) -> date:
        """The last day with bank transactions: the day before the last checkouts."""
        return self.days_of_checkout()[-1] - timedelta(days=1)


def at(day: date, seconds: int) -> datetime:
    """The time this many seconds into a day, in UTC."""
    return datetime.combine(day, time(), UTC) + timedelta(seconds=seconds)


def feed_time(day: date) -> datetime:
    """When the bank's feed first reported what was booked on `day`."""
    return at(day + timedelta(days=1), FEED_HOUR * 3600)


def iso(moment: datetime) -> str:
    """A time in the format of the contracts.

    >>> iso(datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2025-01-02T03:04:05Z'
    """
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
