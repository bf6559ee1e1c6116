"""When things happen in the seeded world: every date that another module needs."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

FEED_HOUR = 6
"""A bank's feed of one day arrives at this hour of the next day, so a day's rows are unknown at its midnight."""


@dataclass(frozen=True, slots=True)
class Period:
    """The span of the world. Grants end long before the checkouts, so that every outcome is known by then."""

    first_grant: date = date(2024, 7, 1)
    last_grant: date = date(2025, 6, 30)
    train_until: date = date(2025, 3, 31)
    test_until: date = date(2025, 6, 30)
    first_checkout: date = date(2026, 1, 5)
    checkout_days: int = 5

    def days_of_checkout(self) -> tuple[date, ...]:
        """Every second day from the first on.

        >>> [day.day for day in Period().days_of_checkout()]
        [5, 7, 9, 11, 13]
        """
        return tuple(self.first_checkout + timedelta(days=2 * number) for number in range(self.checkout_days))

    @property
    def last_day(self) -> date:
        """The last day on which a bank transaction is booked: the day before the last checkouts."""
        return self.days_of_checkout()[-1] - timedelta(days=1)


def at(day: date, seconds: int) -> datetime:
    """That second of that day, UTC."""
    return datetime.combine(day, time(), UTC) + timedelta(seconds=seconds)


def feed_time(day: date) -> datetime:
    """When the bank's feed first told of what it booked on `day`."""
    return at(day + timedelta(days=1), FEED_HOUR * 3600)


def iso(moment: datetime) -> str:
    """The contract's way to write a moment.

    >>> iso(datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2025-01-02T03:04:05Z'
    """
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
