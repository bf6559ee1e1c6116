"""Which share of a year bears interest between two days: the day counts, each as its source defines it.

| day count | a period counts | a year counts | source |
|---|---|---|---|
| 30/360 | 30 days a month; of weeks and days, the days | 360 | ISDA 2006 definitions 4.16(f) |
| 30/365 | likewise | 365 | Fineract `DAYS_30` with `DAYS_365` |
| actual/360 | the days between | 360 | ISDA 4.16(e) |
| actual/364 | the days between | 364, 52 weeks | Fineract `DAYS_364` |
| actual/365 | the days between | 365, in leap years too | ISDA 4.16(d), "fixed" |
| actual/actual | each day by the year it lies in | 365 or 366 | ISDA 4.16(b) |

Shares carry 19 significant digits, half to even (see amortise.py).
"""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal

from lending.schedule.due_dates import Spacing, Unit

DIGITS = Context(prec=19, rounding=ROUND_HALF_EVEN)

_DAYS_OF_A_MONTH = 30
_DAYS_OF = {Unit.DAYS: 1, Unit.WEEKS: 7, Unit.MONTHS: _DAYS_OF_A_MONTH}


class DayCountFault(ValueError):
    """Raised for a combination of settings that no day count has."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """How the days of a period become a share of a year.

    `thirty_day_months`: every month counts 30 days. `days_in_year`: None where each year counts its own days.
    """

    thirty_day_months: bool
    days_in_year: int | None

    def __post_init__(self) -> None:
        if self.thirty_day_months and self.days_in_year is None:
            raise DayCountFault("months of 30 days do not fill a year of 365 or 366 days")

    def share_of_year(self, start: date, end: date, spacing: Spacing, *, first_day_bears: bool = False) -> Decimal:
        """The share of a year that bears interest between a due and the next, to 19 digits.

        A period bears interest for its last day and not its first, or the other way round where `first_day_bears`:
        as many days, but not always of the same years.

        >>> monthly = Spacing(1, Unit.MONTHS)
        >>> ACTUAL_365.share_of_year(date(2027, 12, 31), date(2028, 1, 31), monthly)
        Decimal('0.08493150684931506849')
        >>> ACTUAL_ACTUAL.share_of_year(date(2027, 12, 31), date(2028, 1, 31), monthly)
        Decimal('0.08469945355191256831')
        >>> ACTUAL_ACTUAL.share_of_year(date(2027, 12, 31), date(2028, 1, 31), monthly, first_day_bears=True)
        Decimal('0.08470693914215135863')
        """
        if self.days_in_year is None:
            return _by_each_year(start, end, first_day_bears=first_day_bears)
        days = _DAYS_OF[spacing.unit] * spacing.every if self.thirty_day_months else (end - start).days
        return DIGITS.divide(Decimal(days), Decimal(self.days_in_year))


THIRTY_360 = DayCount(thirty_day_months=True, days_in_year=360)
ACTUAL_360 = DayCount(thirty_day_months=False, days_in_year=360)
ACTUAL_365 = DayCount(thirty_day_months=False, days_in_year=365)
ACTUAL_ACTUAL = DayCount(thirty_day_months=False, days_in_year=None)


def days_of_year(year: int) -> int:
    return (date(year, 12, 31) - date(year, 1, 1)).days + 1


def _by_each_year(start: date, end: date, *, first_day_bears: bool) -> Decimal:
    """Each day as a share of the calendar year in which it bears interest."""
    share = Decimal(0)
    for year in range(start.year, end.year + 1):
        year_ends = date(year, 12, 31).toordinal() + (1 if first_day_bears else 0)
        days = min(end.toordinal(), year_ends) - start.toordinal()
        share = DIGITS.add(share, DIGITS.divide(Decimal(days), Decimal(days_of_year(year))))
        start = date.fromordinal(start.toordinal() + days)
    return share
