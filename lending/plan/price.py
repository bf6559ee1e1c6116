"""What a plan's rate asks for in a period, and the level instalments that repay principal at such rates."""

from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction

from lending.plan.accrual import InterestPeriod, bearing_days
from lending.plan.delinquency import Pause
from lending.plan.running import RunningPlan
from lending.schedule.due_dates import Unit, months_after
from lending.terms.servicing_terms import InterestRule

_WHOLE = 10_000
_SHORTEST_MONTH = 27
_MOST_LEVELLINGS = 3


def period_at_rate(run: RunningPlan, after: date, until: date) -> InterestPeriod:
    """The period at the plan's rate; without interest where the plan bears none."""
    rule = run.terms.interest
    share = Fraction(0) if rule is None else share_of_year(rule, after, until)
    return InterestPeriod.at_rate(after, until, share * run.base_rate / _WHOLE)


def rate_of_period(run: RunningPlan, period: InterestPeriod, rests: Sequence[Pause] = ()) -> Fraction:
    """The interest of a whole period on one unit of principal, at the rates of its days that bear interest."""
    return bearing_days(period.begins, period.until, rests, run.rates) * period.day_price


def share_of_year(rule: InterestRule, after: date, until: date) -> Fraction:
    """The share of a year of any period, regular or not.

    Where months count 30 days, a part of a month is the same part of 30 days.

    >>> from lending.schedule.day_count import THIRTY_360
    >>> from lending.schedule.due_dates import Spacing
    >>> rule = InterestRule(THIRTY_360, Spacing(1, Unit.MONTHS), first_day_bears=False)
    >>> [str(share_of_year(rule, date(2024, 3, day), date(2024, 4, 1))) for day in (1, 15)]
    ['1/12', '17/372']
    """
    count, year = rule.day_count, rule.day_count.days_in_year
    if not count.thirty_day_months or year is None or rule.spacing.unit is not Unit.MONTHS:
        return Fraction((until - after).days, year) if year else Fraction(rule.share_of_year(after, until))
    months = sum(_months(after, until), Fraction(0))
    return months * 30 / year


def level_parts(
    principal: int, interest: int, rates: Sequence[Fraction], unit: int = 1, fixed: Sequence[int] = ()
) -> tuple[int, list[tuple[int, int]]]:
    """The level instalment and the principal and interest of each; `interest` so far bears none and is paid first.

    `fixed` is further interest of each instalment, whatever is owed. All but the last instalment are multiples of
    `unit`. The last takes what rounding leaves; where that is much, the others are moved nearer to it.

    >>> level_parts(8357, 71, [Fraction(7, 1200) * 17 / 31, *[Fraction(7, 1200)] * 5])[1]
    [(1332, 98), (1389, 41), (1397, 33), (1405, 25), (1413, 17), (1421, 8)]
    """
    fixed = fixed or [0] * len(rates)
    level = level_instalment(principal, interest + sum(fixed), rates, unit)
    parts = _split(principal, interest, rates, level, fixed)
    for _ in range(_MOST_LEVELLINGS):
        off = sum(parts[-1]) - level
        if abs(off) <= len(rates) * unit // 2:
            break
        nearer = unit * round(Fraction(level + round(Fraction(off, len(rates))), unit))
        tried = _split(principal, interest, rates, nearer, fixed)
        if nearer == level or abs(sum(tried[-1]) - nearer) >= abs(off):
            break
        level, parts = nearer, tried
    return level, parts


def level_instalment(principal: int, unbearing: int, rates: Sequence[Fraction], unit: int = 1) -> int:
    """The equal instalments that repay both amounts at the rates of their periods, as an annuity.

    >>> level_instalment(8357, 71, [Fraction(7, 1200) * 17 / 31, *[Fraction(7, 1200)] * 5])
    1430
    """
    grown, instalments = Fraction(1), Fraction(0)
    for rate in rates:
        grown *= 1 + rate
        instalments = 1 + instalments * (1 + rate)
    return unit * round(grown * (principal + unbearing) / instalments / unit)


def equal_parts(amount: int, parts: int, unit: int = 1) -> list[int]:
    """Equal parts in multiples of a unit, rounded half to even; the last takes what is left.

    >>> equal_parts(136, 6)
    [23, 23, 23, 23, 23, 21]
    """
    part = unit * round(Fraction(amount, parts * unit))
    return [part] * (parts - 1) + [amount - part * (parts - 1)]


def _split(
    principal: int, interest: int, rates: Sequence[Fraction], level: int, fixed: Sequence[int]
) -> list[tuple[int, int]]:
    """Each instalment first pays interest, and what is beyond it is carried to the next; the last pays the rest."""
    left, carried, parts = principal, interest, []
    for place, (rate, further) in enumerate(zip(rates, fixed, strict=True), start=1):
        last = place == len(rates)
        owed = round(left * rate) + carried + further
        paid = owed if last else min(owed, level)
        part = left if last else min(level - paid, left)
        carried, left = owed - paid, left - part
        parts.append((part, paid))
    return parts


def _months(after: date, until: date) -> Iterator[Fraction]:
    """The months from a day to another, whole ones as 1 and the last as the part of it."""
    number, starts = 0, after
    while starts < until:
        number += 1
        ends = months_after(after, number)
        if number == 1 and until < ends and (until - after).days >= _SHORTEST_MONTH:
            ends = until  # from a month's end to the next one's
        days = (min(until, ends) - starts).days
        yield Fraction(days, (ends - starts).days)
        starts = ends
