"""The day of a plan at a moment: what an act counts from unless it names an earlier day, and what is shown as today."""

from datetime import UTC, date, datetime


def plan_day(at: datetime) -> date:
    """The day at this moment; plans live in UTC."""
    return at.astimezone(UTC).date()
