"""How interest grows from day to day: on what is owed, at the price that the schedule agreed for the period."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from lending.plan.delinquency import Pause, days_late


@dataclass(frozen=True, slots=True)
class RateChange:
    """The days after `since` bear `factor` times the interest that the schedule was made with."""

    since: date
    factor: Fraction


def bearing_days(after: date, until: date, rests: Sequence[Pause], rates: Sequence[RateChange]) -> int | Fraction:
    """The days after `after`, up to and including `until`, that bear interest; each counts by the rate of its day.

    >>> halved = RateChange(date(2026, 3, 11), Fraction(1, 2))
    >>> [bearing_days(date(2026, 3, 1), date(2026, 3, day), (), [halved]) for day in (1, 11, 13, 16)]
    [0, 10, Fraction(11, 1), Fraction(25, 2)]
    """
    if not rates:
        return days_late(after, until, rests) if rests else max((until - after).days, 0)
    ends = [*(each.since for each in rates[1:]), None]
    days: int | Fraction = days_late(after, min(until, rates[0].since), rests)
    for change, end in zip(rates, ends, strict=True):
        starts = max(after, change.since)
        last = until if end is None else min(until, end)
        if last > starts:
            days += days_late(starts, last, rests) * change.factor
    return days


@dataclass(slots=True, eq=False)
class InterestPeriod:
    """The days after `after`, up to and including `until`, whose interest is owed with one instalment.

    `day_price`: the interest on one unit of principal for one day. `grown`: the exact interest of the days before
    them. As days pass, `after` moves on and `grown` rises; `begins` is where the period began.
    """

    after: date
    until: date
    day_price: Fraction = Fraction(0)
    grown: Fraction = Fraction(0)
    begins: date = field(init=False)

    def __post_init__(self) -> None:
        self.begins = self.after

    @classmethod
    def at_rate(cls, after: date, until: date, rate: Fraction) -> "InterestPeriod":
        """The period that bears this share of the principal as interest."""
        days = (until - after).days
        return cls(after, until, rate / days if days > 0 else Fraction(0))

    @classmethod
    def priced(cls, after: date, until: date, interest: int, on: int, grown: int = 0) -> "InterestPeriod":
        """The period that bears this interest on this principal, in units."""
        period = cls.at_rate(after, until, Fraction(interest, on) if on else Fraction(0))
        period.grown = Fraction(grown)
        return period

    def move(self, after: date, until: date) -> None:
        """Let what is left of the period be other days, at the same price in all."""
        left, days = (self.until - self.after).days, (until - after).days
        self.day_price = self.day_price * left / days if days > 0 else Fraction(0)
        self.after, self.until = after, until


@dataclass(frozen=True, slots=True)
class Accrual:
    """The interest of one instalment while no event comes: exact, and rounded to the nearest unit, half to even.

    `grown` is the interest up to the day `after`. Every later day up to and including `until` adds `day_price` on each
    unit of `bearing`, except the days of `rests`. Without `until` it never ends.
    """

    after: date
    until: date | None
    grown: Fraction
    day_price: Fraction
    bearing: int
    rests: tuple[Pause, ...] = ()
    rates: tuple[RateChange, ...] = ()

    def ends_after(self, day: date) -> bool:
        return self.until is None or day < self.until

    @property
    def grows(self) -> bool:
        """Whether coming days add interest."""
        return bool(self.bearing and self.day_price) and self.ends_after(self.after)

    def days(self, day: date) -> int | Fraction:
        """The days up to and including `day` that bear interest, each by the rate of its day."""
        end = day if self.until is None else min(day, self.until)
        return bearing_days(self.after, end, self.rests, self.rates)

    def exact(self, day: date) -> Fraction:
        """The interest by the end of a day, in units."""
        days = self.days(day)
        return self.grown + days * self.bearing * self.day_price if days else self.grown

    def by(self, day: date) -> int:
        """The interest by the end of a day, in whole units.

        >>> accrual = Accrual(date(2026, 1, 31), date(2026, 2, 28), Fraction(0), Fraction(1, 2800), 10_000)
        >>> [accrual.by(date(2026, 2, day)) for day in (1, 2, 3, 14, 28)]
        [4, 7, 11, 50, 100]
        """
        days = self.days(day)
        if not isinstance(days, int):
            return round(self.exact(day))
        numerator = days * self.bearing * self.day_price.numerator * self.grown.denominator
        numerator += self.grown.numerator * self.day_price.denominator
        return _half_even(numerator, self.grown.denominator * self.day_price.denominator)

    def growth(self, after: date, until: date) -> Iterator[tuple[date, int]]:
        """Each day after `after`, up to and including `until`, with the whole units that it adds.

        Both days are among those of the accrual. Without rests and changes of the rate each day adds the same to the
        exact interest, so nothing is counted anew.

        >>> accrual = Accrual(date(2026, 1, 31), date(2026, 2, 28), Fraction(0), Fraction(1, 2800), 10_000)
        >>> [added for _, added in accrual.growth(date(2026, 2, 1), date(2026, 2, 5))]
        [3, 4, 3, 4]
        """
        even = not (self.rests or self.rates)
        denominator = self.grown.denominator * self.day_price.denominator
        a_day = self.bearing * self.day_price.numerator * self.grown.denominator
        numerator = self.grown.numerator * self.day_price.denominator + (after - self.after).days * a_day
        reached, current = self.by(after), after
        while current < until:
            current += _A_DAY
            numerator += a_day
            by_then = _half_even(numerator, denominator) if even else self.by(current)
            yield current, by_then - reached
            reached = by_then


_A_DAY = timedelta(days=1)


def _half_even(numerator: int, denominator: int) -> int:
    """As `round(Fraction(numerator, denominator))`, without reducing the fraction."""
    whole, rest = divmod(numerator, denominator)
    over = 2 * rest - denominator
    return whole + (over > 0 or (over == 0 and whole % 2))


@dataclass(slots=True, eq=False)
class Stretch:
    """Days after `after` during which nothing changed: `bearing` bore interest for `days` of them at `day_price`.

    `bearing` is below zero where the shopper's credit exceeds the debt. `most`: the principal that bears interest at
    most; the rest is past due, and its days are free. None: no limit.
    `line` is the place of the instalment whose interest it is.
    """

    after: date
    days: int | Fraction
    bearing: int
    most: int | None
    day_price: Fraction
    line: str

    def owing(self, more: int) -> Fraction:
        """Let more principal bear interest in these days after all; returns the interest that adds."""
        before = self._charged()
        self.bearing += more
        after = self._charged()
        return (after - before) * self.days * self.day_price

    def _charged(self) -> int:
        return max(0, self.bearing if self.most is None else min(self.bearing, self.most))
