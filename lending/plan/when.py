"""When something happened: the day its money counts from, the moment in the world, and when we could first know."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time


@dataclass(frozen=True, slots=True)
class When:
    """The day money counts from, when it happened, and when it could first be known to us."""

    value_date: date
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def day(cls, day: date, *, recorded_at: datetime | None = None) -> "When":
        """Something of which only the day is known; its start stands for it."""
        start = datetime.combine(day, time.min, UTC)
        return cls(day, start, start if recorded_at is None else recorded_at)

    @classmethod
    def moment(cls, at: datetime) -> "When":
        """Something that happens as we record it."""
        return cls(at.astimezone(UTC).date(), at, at)
