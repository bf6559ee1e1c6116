"""What each day count makes of the same days."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.schedule.day_count import ACTUAL_360, ACTUAL_365, ACTUAL_ACTUAL, THIRTY_360, DayCount, DayCountFault
from lending.schedule.due_dates import Spacing, Unit

MONTHLY = Spacing(1, Unit.MONTHS)
OVER_THE_YEAR = (date(2027, 12, 15), date(2028, 1, 15))


@pytest.mark.parametrize(
    ("day_count", "spacing", "days", "share"),
    [
        pytest.param(THIRTY_360, MONTHLY, OVER_THE_YEAR, Fraction(30, 360), id="30/360"),
        pytest.param(THIRTY_360, Spacing(3, Unit.MONTHS), OVER_THE_YEAR, Fraction(90, 360), id="a quarter of 30/360"),
        pytest.param(THIRTY_360, Spacing(2, Unit.WEEKS), OVER_THE_YEAR, Fraction(14, 360), id="weeks of 30/360"),
        pytest.param(DayCount(True, 365), MONTHLY, OVER_THE_YEAR, Fraction(30, 365), id="30/365"),
        pytest.param(ACTUAL_360, MONTHLY, OVER_THE_YEAR, Fraction(31, 360), id="actual/360"),
        pytest.param(DayCount(False, 364), MONTHLY, OVER_THE_YEAR, Fraction(31, 364), id="actual/364"),
        pytest.param(ACTUAL_365, MONTHLY, OVER_THE_YEAR, Fraction(31, 365), id="actual/365"),
        pytest.param(
            ACTUAL_ACTUAL, MONTHLY, OVER_THE_YEAR, Fraction(16, 365) + Fraction(15, 366), id="actual/actual, last day"
        ),
        pytest.param(
            ACTUAL_ACTUAL,
            Spacing(24, Unit.MONTHS),
            (date(2027, 7, 1), date(2029, 7, 1)),
            Fraction(183, 365) + 1 + Fraction(182, 365),
            id="over two ends of a year",
        ),
    ],
)
def test_a_share_of_a_year(day_count: DayCount, spacing: Spacing, days: tuple[date, date], share: Fraction) -> None:
    assert abs(Fraction(day_count.share_of_year(*days, spacing)) - share) < Fraction(1, 10**18)


def test_whether_the_first_day_bears_interest_decides_which_days_belong_to_which_year() -> None:
    last_day = ACTUAL_ACTUAL.share_of_year(*OVER_THE_YEAR, MONTHLY)
    first_day = ACTUAL_ACTUAL.share_of_year(*OVER_THE_YEAR, MONTHLY, first_day_bears=True)

    # 15 December to 15 January: 16 days of 2027 after the 15th, or 17 with it.
    assert abs(Fraction(first_day) - (Fraction(17, 365) + Fraction(14, 366))) < Fraction(1, 10**18)
    assert first_day > last_day


@given(start=st.dates(date(1999, 1, 1), date(2040, 1, 1)), first=st.booleans(), months=st.integers(1, 30))
def test_each_day_counts_once_by_its_own_year(start: date, first: bool, months: int) -> None:
    spacing = Spacing(months, Unit.MONTHS)
    end = spacing.after(start, 1)
    days = (date.fromordinal(day + (not first)) for day in range(start.toordinal(), end.toordinal()))
    exact = sum(Fraction(1, 366 if day.year % 4 == 0 else 365) for day in days)

    share = ACTUAL_ACTUAL.share_of_year(start, end, spacing, first_day_bears=first)
    assert abs(Fraction(share) - exact) < Fraction(1, 10**17)


def test_no_day_is_no_share() -> None:
    day = date(2028, 12, 31)

    assert ACTUAL_ACTUAL.share_of_year(day, day, MONTHLY) == Decimal(0)


def test_months_of_30_days_do_not_fill_an_actual_year() -> None:
    with pytest.raises(DayCountFault, match="30 days"):
        DayCount(thirty_day_months=True, days_in_year=None)
