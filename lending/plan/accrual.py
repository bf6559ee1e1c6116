"""How the interest of one instalment grows from day to day, so that what accrues is what the schedule says."""

from dataclasses import dataclass, replace
from datetime import date

from lending.plan.delinquency import Pause, days_late


@dataclass(frozen=True, slots=True)
class Accrual:
    """Interest that grows evenly from an amount on a day to another on the due day, rounded cumulatively.

    Its first day is the one after `from_day`. The days of `unaccruing` bear nothing; once `stopped` it stays as it is.
    """

    from_day: date
    from_minor: int
    to_day: date
    to_minor: int
    unaccruing: tuple[Pause, ...] = ()
    stopped: date | None = None

    def by(self, day: date) -> int:
        """How much has accrued by the end of a day, to the nearest unit, halves up.

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
        """The same, once so much has accrued by a day, towards another amount."""
        return replace(self, from_day=max(day, self.from_day), from_minor=accrued, to_minor=to_minor)

    def resting(self, pause: Pause, day: date, accrued: int) -> "Accrual":
        """The same with a pause that bears nothing, known from `day` on; its days take their share off the whole."""
        rebased = replace(self, from_day=max(day, self.from_day), from_minor=accrued, stopped=None)
        rested = replace(rebased, unaccruing=(*self.unaccruing, pause))
        whole = days_late(rebased.from_day, self.to_day, rebased.unaccruing)
        kept = days_late(rested.from_day, self.to_day, rested.unaccruing)
        if whole == 0:
            return rested
        return replace(rested, to_minor=accrued + rounded_interest(self.to_minor - accrued, kept, whole))


def rounded_interest(amount: int, part: int, whole: int) -> int:
    """A part of an amount to the nearest unit, halves up; nothing of nothing.

    >>> rounded_interest(100, 1, 3), rounded_interest(5, 1, 2), rounded_interest(-5, 1, 2), rounded_interest(7, 0, 0)
    (33, 3, -2, 0)
    """
    return (2 * amount * part + whole) // (2 * whole) if whole else 0


def shared(amount: int, weights: list[int]) -> list[int]:
    """An amount shared out in proportion, by largest remainder; of equal remainders the earliest gets the odd unit.

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
