"""How a plan's interest grows by the day while nothing happens to it: a line that needs no fold until a given day."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import gcd

from lending.plan.accrual import Accrual
from lending.plan.state import PlanState

_FIRST = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class DailyInterest:
    """By a day before `folded_by`, `(start + step * days since 2000-01-01) / divisor` units, rounded half to even.

    The line is the same whatever day of it was folded last, so that two standings of one plan can be compared.
    """

    start: int
    step: int
    divisor: int
    folded_by: date

    def by(self, day: date) -> int:
        """The interest of the growing instalment by a day, in whole units."""
        return round(Fraction(self.start + self.step * (day - _FIRST).days, self.divisor))


def daily_interest(state: PlanState) -> DailyInterest | None:
    """The line of a plan that bears interest; None for one that is to be folded each day.

    The plan is folded when an instalment falls due or a period of interest begins or ends. It is folded each day while
    an instalment is due or past due, several periods grow at once, days bear no interest, or its rate was changed.
    """
    day = state.through
    accruals = [each.accrual for each in state.instalments if each.accrual.grows]
    growing = [each for each in accruals if each.after <= day]
    dues = [each.due_on for each in state.instalments if each.open.minor]
    turns = [each.after for each in accruals if each.after > day]
    turns += [due for due in dues if due > day]
    turns += [each.until for each in growing if each.until is not None and each.until > day]
    overdue = any(due <= day for due in dues)
    if overdue or not turns or len(growing) != 1 or state.terms.interest_as_agreed or state.interest_by(day).minor < 0:
        return None
    (accrual,) = growing
    return None if accrual.rests or accrual.rates or accrual.after < day else _line(accrual, min(turns))


def _line(accrual: Accrual, folded_by: date) -> DailyInterest:
    price = accrual.bearing * accrual.day_price
    start = accrual.grown - price * (accrual.after - _FIRST).days
    divisor = start.denominator * price.denominator // gcd(start.denominator, price.denominator)
    return DailyInterest(int(start * divisor), int(price * divisor), divisor, folded_by)


def falls_due(state: PlanState, since: date) -> bool:
    """Whether an instalment fell due after a day."""
    return any(since < each.due_on <= state.through for each in state.instalments)
