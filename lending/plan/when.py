"""When something happened: its value date, the moment in the world, and when it could first be known to us."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo


@dataclass(frozen=True, slots=True)
class When:
    """The value date, when it happened, and when it could first be known to us."""

    value_date: date
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def day(cls, day: date, *, recorded_at: datetime | None = None, zone: tzinfo = UTC) -> "When":
        """For something of which only the day is known; the start of the day in a time zone is taken as the moment."""
        start = datetime.combine(day, time.min, zone).astimezone(UTC)
        return cls(day, start, start if recorded_at is None else recorded_at)

    @classmethod
    def moment(cls, at: datetime, zone: tzinfo = UTC) -> "When":
        """For something that is recorded at the moment when it happens, on its day in a time zone."""
        return cls(at.astimezone(zone).date(), at, at)
