"""The daily accrual of one instalment's interest, which reaches the scheduled amount on the due day."""

from dataclasses import dataclass, replace
from datetime import date

from lending.plan.delinquency import Pause, days_late


@dataclass(frozen=True, slots=True)
class Accrual:
    """Linear growth from `from_minor` on `from_day` to `to_minor` on `to_day`, rounded cumulatively.

    The first day that bears interest is the day after `from_day`. Days in a pause of `unaccruing` bear none, and
    nothing accrues after the day `stopped`.
    """

    from_day: date
    from_minor: int
    to_day: date
    to_minor: int
    unaccruing: tuple[Pause, ...] = ()
    stopped: date | None = None

    def by(self, day: date) -> int:
        """The interest accrued by the end of a day, rounded to the nearest unit, halves up.

        >>> accrual = Accrual(date(2026, 1, 31), 0, date(2026, 2, 28), 100)
        >>> [accrual.by(date(2026, 2, day)) for day in (1, 2, 3, 14, 28)]
        [4, 7, 11, 50, 100]
        """
        if self.stopped is not None:
            day = min(day, self.stopped)
        if day <= self.from_day:
            return self.from_minor
        if day >= self.to_day:
            return self.to_minor
        if not self.unaccruing:
            days, whole = (day - self.from_day).days, (self.to_day - self.from_day).days
        else:
            days = days_late(self.from_day, day, self.unaccruing)
            whole = days_late(self.from_day, self.to_day, self.unaccruing)
            if whole == 0:
                return self.from_minor
        return self.from_minor + rounded_interest(self.to_minor - self.from_minor, days, whole)

    def onward(self, day: date, accrued: int, to_minor: int) -> "Accrual":
        """The accrual from `day` on, which starts at `accrued` and reaches the new amount `to_minor` on the due day."""
        return replace(self, from_day=max(day, self.from_day), from_minor=accrued, to_minor=to_minor)

    def resting(self, pause: Pause, day: date, accrued: int) -> "Accrual":
        """The accrual from `day` on with one more pause; the scheduled amount falls in proportion to its days."""
        rebased = replace(self, from_day=max(day, self.from_day), from_minor=accrued, stopped=None)
        rested = replace(rebased, unaccruing=(*self.unaccruing, pause))
        whole = days_late(rebased.from_day, self.to_day, rebased.unaccruing)
        kept = days_late(rested.from_day, self.to_day, rested.unaccruing)
        if whole == 0:
            return rested
        return replace(rested, to_minor=accrued + rounded_interest(self.to_minor - accrued, kept, whole))


def rounded_interest(amount: int, part: int, whole: int) -> int:
    """`amount * part / whole`, rounded to the nearest unit, halves up; 0 if `whole` is 0.

    >>> rounded_interest(100, 1, 3), rounded_interest(5, 1, 2), rounded_interest(-5, 1, 2), rounded_interest(7, 0, 0)
    (33, 3, -2, 0)
    """
    return (2 * amount * part + whole) // (2 * whole) if whole else 0


def shared(amount: int, weights: list[int]) -> list[int]:
    """Split an amount in proportion to the weights, by largest remainder; on a tie the earlier part gets the odd unit.

    >>> shared(100, [1, 1, 1]), shared(7, [0, 5, 5]), shared(3, [])
    ([34, 33, 33], [0, 4, 3], [])
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(amount * weights[place] % whole))
    for place in by_remainder[: amount - sum(parts)]:
        parts[place] += 1
    return parts
