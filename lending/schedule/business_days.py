"""Days as the jurisdiction of a plan has them: which day a moment is on, and which days do business."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo

from lending.schedule.due_dates import Adjustment, on_business_day


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """A jurisdiction's time zone and holidays, and how a due on a day without business is moved."""

    zone: tzinfo = UTC
    holidays: frozenset[date] = field(default=frozenset(), repr=False)
    adjustment: Adjustment = Adjustment.NONE

    def day_of(self, at: datetime) -> date:
        """The day on which a moment is.

        >>> from zoneinfo import ZoneInfo
        >>> str(BusinessDays(ZoneInfo("Europe/London")).day_of(datetime(2026, 6, 30, 23, 30, tzinfo=UTC)))
        '2026-07-01'
        """
        return at.astimezone(self.zone).date()

    def due_on(self, day: date) -> date:
        """The day on which something planned for a day falls due."""
        return on_business_day(day, self.adjustment, self.holidays)
