"""How far an amount may differ from what is expected, and how much of that a day may use up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from ledger.money import Currency, Money

_PART = 10_000  # basis points in a whole


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A movement may differ by `absolute` and a percentage of the amount, at most by `cap`; a day by `daily_cap`."""

    absolute: Money
    basis_points: int
    cap: Money
    daily_cap: Money

    def of(self, amount: Money) -> Money:
        """The largest difference from this amount, rounded down.

        >>> gbp = lambda minor: Money(minor, Currency.GBP)
        >>> tolerance = Tolerance(gbp(2), 1, gbp(50), gbp(500))
        >>> [tolerance.of(gbp(minor)).minor for minor in (1_00, 119_52, 1_000_000_00)]
        [2, 3, 50]
        """
        share = abs(amount.minor) * self.basis_points // _PART
        return Money(min(self.absolute.minor + share, self.cap.minor), amount.currency)


@dataclass(slots=True)
class ToleranceUsed:
    """What the differences of each day have used up so far, by day and currency."""

    caps: Mapping[Currency, Money]
    used: dict[tuple[date, Currency], int]

    def take(self, day: date, difference: Money) -> bool:
        """Use up this much of a day; False, and nothing is used, if that is more than its cap leaves."""
        cap, key = self.caps.get(difference.currency), (day, difference.currency)
        after = self.used.get(key, 0) + abs(difference.minor)
        if cap is None or after > cap.minor:
            return False
        self.used[key] = after
        return True

    @classmethod
    def of(cls, caps: Mapping[Currency, Money], used: Iterable[tuple[date, Money]]) -> "ToleranceUsed":
        """With what earlier runs used up."""
        found = cls(caps, {})
        for day, amount in used:
            key = (day, amount.currency)
            found.used[key] = found.used.get(key, 0) + abs(amount.minor)
        return found
