"""Due days at month ends, on leap days, over a change of the clock, on days without business (scenario O18)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.schedule.due_dates import Adjustment, Spacing, Unit, first_on_or_after, months_after, on_business_day

DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))


@pytest.mark.parametrize(
    ("spacing", "start", "days"),
    [
        pytest.param(Spacing(1, Unit.MONTHS), "2026-01-31", ["2026-02-28", "2026-03-31", "2026-04-30"], id="the 31st"),
        pytest.param(Spacing(1, Unit.MONTHS), "2028-02-29", ["2028-03-29", "2028-04-29", "2028-05-29"], id="leap day"),
        pytest.param(Spacing(12, Unit.MONTHS), "2028-02-29", ["2029-02-28", "2030-02-28", "2031-02-28"], id="years"),
        pytest.param(Spacing(3, Unit.MONTHS), "2026-11-30", ["2027-02-28", "2027-05-30", "2027-08-30"], id="quarters"),
        pytest.param(Spacing(2, Unit.WEEKS), "2026-12-24", ["2027-01-07", "2027-01-21", "2027-02-04"], id="weeks"),
        pytest.param(Spacing(14, Unit.DAYS), "2028-02-20", ["2028-03-05", "2028-03-19", "2028-04-02"], id="days"),
    ],
)
def test_each_due_is_counted_from_the_start(spacing: Spacing, start: str, days: list[str]) -> None:
    assert [str(spacing.after(date.fromisoformat(start), times)) for times in (1, 2, 3)] == days


def test_a_change_of_the_clock_moves_no_due() -> None:
    """London's clocks change on 29 March 2026: the dues of a fortnight are 14 calendar days apart, not 336 hours."""
    spring = date(2026, 3, 22)
    london = ZoneInfo("Europe/London")
    midnight = datetime(2026, 3, 22, tzinfo=london)

    assert str(Spacing(14, Unit.DAYS).after(spring, 1)) == "2026-04-05"
    assert (midnight.astimezone(UTC) + timedelta(hours=336)).astimezone(london).hour == 1  # what hours would have made


@given(day=DAYS, months=st.integers(0, 600))
def test_a_month_later_is_the_same_day_or_the_months_last(day: date, months: int) -> None:
    later = months_after(day, months)

    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


@pytest.mark.parametrize(
    ("granted", "first"),
    [
        ("1993-07-11", "1993-07-12"),
        ("1993-07-12", "1993-07-12"),
        ("1993-07-13", "1993-08-12"),
        ("1996-12-31", "1997-01-12"),
    ],
)
def test_the_first_12th_is_on_or_after_the_grant(granted: str, first: str) -> None:
    assert str(first_on_or_after(date.fromisoformat(granted), 12)) == first


def test_the_first_31st_of_a_short_month_is_its_last_day() -> None:
    assert first_on_or_after(date(2026, 2, 10), 31) == date(2026, 2, 28)


@pytest.mark.parametrize("day_of_month", [0, 32])
def test_no_month_has_such_a_day(day_of_month: int) -> None:
    with pytest.raises(ValueError, match="not a day of a month"):
        first_on_or_after(date(2026, 2, 10), day_of_month)


@pytest.mark.parametrize(
    ("day", "adjustment", "moved"),
    [
        pytest.param("2026-05-31", Adjustment.NONE, "2026-05-31", id="left alone"),
        pytest.param("2026-05-29", Adjustment.FOLLOWING, "2026-05-29", id="a day of business"),
        pytest.param("2026-05-31", Adjustment.FOLLOWING, "2026-06-01", id="a Sunday"),
        pytest.param("2026-05-31", Adjustment.MODIFIED_FOLLOWING, "2026-05-29", id="not into the next month"),
        pytest.param("2026-12-25", Adjustment.FOLLOWING, "2026-12-29", id="Christmas, a weekend, a substitute day"),
    ],
)
def test_a_due_on_a_day_without_business_moves_as_the_product_says(
    day: str, adjustment: Adjustment, moved: str
) -> None:
    holidays = {date(2026, 12, 25), date(2026, 12, 28)}

    assert str(on_business_day(date.fromisoformat(day), adjustment, holidays)) == moved


def test_dues_are_at_least_one_apart() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Spacing(0, Unit.DAYS)
