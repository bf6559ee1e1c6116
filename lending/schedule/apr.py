"""The annual percentage rate of a loan's flows: by the EU and UK equation, and by Regulation Z.

EU and UK: the rate X at which the present value of all flows is zero, the sum of amount x (1 + X)^-years (Directive
2008/48/EC annex I, 2023/2225 annex III; FCA handbook CONC App 1.2), with years counted from the first drawdown, so that
a charge paid before it has a negative time. United States: unit periods at a nominal rate, fractions of a period at
simple interest (12 CFR 1026, Appendix J (b)(8)).

Computed with decimals of 50 digits; the root is bracketed until both bounds agree to 20 decimals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate, dropwhile, groupby, pairwise
from math import lcm

from lending.schedule.due_dates import months_after
from terminal.fault import Fault

_C = Context(prec=50, rounding=ROUND_HALF_EVEN)
_CLOSE = Decimal(1).scaleb(-20)
_ZERO, _ONE, _TWO = Decimal(0), Decimal(1), Decimal(2)
_PERCENT = Decimal(100)
_FIRST_STEP = Decimal("0.125")
_NARROW = Decimal(1).scaleb(-9)  # where a function touches zero without crossing it, halving stops here
_LARGEST = Decimal(64)  # as a force of interest, a growth of e^64 a year: a larger rate has no use
_DAYS_IN_YEAR = 365
_MONTHS_IN_YEAR = 12
_SHOWN_DECIMALS = 1


class AprFaultCode(StrEnum):
    """The reasons why flows have no annual percentage rate."""

    NOTHING_LENT = "NOTHING_LENT"
    NOTHING_REPAID = "NOTHING_REPAID"
    PAID_BEFORE_LENT = "PAID_BEFORE_LENT"
    LESS_REPAID_THAN_LENT = "LESS_REPAID_THAN_LENT"
    MORE_THAN_ONE_RATE = "MORE_THAN_ONE_RATE"
    BEYOND_MEASURE = "BEYOND_MEASURE"


_IN_WORDS = {
    AprFaultCode.NOTHING_LENT: "nothing is paid to the borrower",
    AprFaultCode.NOTHING_REPAID: "nothing is paid by the borrower",
    AprFaultCode.PAID_BEFORE_LENT: "what is paid before the first drawdown outweighs the loan at every rate",
    AprFaultCode.LESS_REPAID_THAN_LENT: "less is repaid than was lent: the rate would be below zero",
    AprFaultCode.MORE_THAN_ONE_RATE: "the debt changes sides more than once: more than one rate may solve the equation",
    AprFaultCode.BEYOND_MEASURE: "the rate is too large to mean anything",
}


class AprFault(Fault, ValueError):
    """Raised for flows that have no annual percentage rate."""

    def __init__(self, code: AprFaultCode) -> None:
        super().__init__(_IN_WORDS[code])
        self.code = code


@dataclass(frozen=True, slots=True)
class CashFlow:
    """An amount, negative when paid to the borrower, at a time in years after the first drawdown.

    A charge paid before the first drawdown has a negative time.
    """

    years: Fraction
    amount: Decimal


@dataclass(frozen=True, slots=True)
class UnitPayment:
    """A payment at a number of whole unit periods and a fraction of one after the advance."""

    periods: int
    fraction: Decimal
    amount: Decimal


def annual_percentage_rate(flows: Sequence[CashFlow]) -> Decimal:
    """The rate in percent by the EU and UK equation, far more exact than it is ever shown. Raises AprFault.

    A charge paid before the first drawdown gains worth as the rate rises, so a second, immense rate may solve the
    equation as well; the answer is the smaller one.

    >>> flows = [CashFlow(Fraction(0), Decimal(-196000)), CashFlow(Fraction(1, 2), Decimal("207618.17"))]
    >>> str(rounded_rate(annual_percentage_rate(flows), 6))
    '12.206644'
    >>> with_a_charge = [CashFlow(Fraction(-1), Decimal(10)), *flows]
    >>> str(rounded_rate(annual_percentage_rate(with_a_charge), 6))
    '12.219494'
    """
    flows = _by_day(flows)
    _has_one_rate(flows)
    if not sum(flow.amount for flow in flows):
        return _ZERO
    steps = lcm(*(flow.years.denominator for flow in flows))  # per year, so that every flow falls on a whole step
    drawn_from = next(flow.years for flow in flows if flow.amount < 0)
    flows_by_step = [(flow.amount, int((flow.years - drawn_from) * steps)) for flow in flows]
    paid_before = [(amount, step) for amount, step in flows_by_step if step < 0]
    since_drawn = flows_by_step[len(paid_before) :]

    def worth_of(part: Sequence[tuple[Decimal, int]], force: Decimal) -> Decimal:
        """The present value of these flows at a force of interest, which is the logarithm of 1 + X."""
        a_step = _C.exp(_C.divide(-force, Decimal(steps)))
        total = _ZERO
        for amount, step in part:
            total = _C.fma(amount, _C.power(a_step, step), total)
        return total

    def worth(force: Decimal) -> Decimal:
        return worth_of(flows_by_step, force)

    if not paid_before:
        return _percent(_root(worth, *_bracket(worth)))
    lent = [(amount, step) for amount, step in since_drawn if amount < 0]
    repaid = [(amount, step) for amount, step in since_drawn if amount > 0]

    def least(low: Decimal, high: Decimal) -> Decimal:
        """A bound below the worth between two forces: charges before the drawdown rise with it, all else falls."""
        kept = _C.add(worth_of(paid_before, low), worth_of(repaid, high))
        return _C.add(kept, worth_of(lent, low))

    return _percent(_root(worth, *_first_bracket(worth, least)))


def regulation_z_rate(
    advance: Decimal, unit_periods_in_year: Fraction | int, payments: Sequence[UnitPayment]
) -> Decimal:
    """The nominal yearly rate in percent by Regulation Z's actuarial method. Raises AprFault.

    A year has any positive number of unit periods: 365/45 of one of 45 days.

    >>> payments = [UnitPayment(number, Decimal(0), Decimal(230)) for number in range(1, 25)]
    >>> str(rounded_rate(regulation_z_rate(Decimal(5000), 12, payments), 2))
    '9.69'
    """
    if unit_periods_in_year <= 0:
        raise ValueError(f"a year has a positive number of unit periods, not {unit_periods_in_year}")
    if advance <= 0:
        raise AprFault(AprFaultCode.NOTHING_LENT)
    if not any(payment.amount > 0 for payment in payments):
        raise AprFault(AprFaultCode.NOTHING_REPAID)
    if any(payment.amount < 0 for payment in payments):
        raise AprFault(AprFaultCode.MORE_THAN_ONE_RATE)
    repaid = sum((payment.amount for payment in payments), _ZERO)
    if repaid < advance:
        raise AprFault(AprFaultCode.LESS_REPAID_THAN_LENT)
    if repaid == advance:
        return _ZERO

    def worth(rate: Decimal) -> Decimal:
        """The present value of the payments at a rate per unit period, less the advance."""
        total, growth = -advance, _C.add(_ONE, rate)
        for payment in payments:
            grown = _C.multiply(_C.fma(payment.fraction, rate, _ONE), _C.power(growth, payment.periods))
            total = _C.add(total, _C.divide(payment.amount, grown))
        return total

    in_year = Fraction(unit_periods_in_year)
    a_period = _root(worth, *_bracket(worth))
    return _C.divide(_C.multiply(_PERCENT * in_year.numerator, a_period), Decimal(in_year.denominator))


def years_between(start: date, end: date) -> Fraction:
    """The time from loan to payment in years, as the equation counts it: whole months, then days.

    Whole months are counted back from the payment. The remaining days are divided by 365, or by 366 where the year
    before that day contains a 29 February.

    >>> str(years_between(date(2013, 1, 12), date(2013, 2, 15)))
    '67/732'
    >>> str(years_between(date(2026, 1, 31), date(2026, 2, 28)))
    '1/12'
    """
    if end < start:
        raise ValueError(f"{end} is before {start}")
    months = (end.year - start.year) * _MONTHS_IN_YEAR + end.month - start.month
    if end == months_after(start, months):
        return Fraction(months, _MONTHS_IN_YEAR)
    if months_after(end, -months) < start:
        months -= 1
    reached = months_after(end, -months)
    year = (reached - months_after(reached, -_MONTHS_IN_YEAR)).days
    return Fraction(months, _MONTHS_IN_YEAR) + Fraction((reached - start).days, year)


def rounded_rate(rate: Decimal, decimals: int = _SHOWN_DECIMALS) -> Decimal:
    """A rate rounded for display, halves up; consumers see one decimal.

    >>> str(rounded_rate(Decimal("12.25")))
    '12.3'
    """
    return rate.quantize(_ONE.scaleb(-decimals), rounding=ROUND_HALF_UP, context=_C)


def _by_day(flows: Sequence[CashFlow]) -> list[CashFlow]:
    """The flows ordered by time, with flows of the same time added up."""
    ordered = sorted(flows, key=lambda flow: flow.years)
    together = groupby(ordered, key=lambda flow: flow.years)
    at_once = ((years, sum((flow.amount for flow in each), _ZERO)) for years, each in together)
    return [CashFlow(years, amount) for years, amount in at_once if amount]


def _has_one_rate(flows: Sequence[CashFlow]) -> None:
    """Check that the debt changes sides only once, so that at most one rate is positive (Norstrom 1972).

    Charges paid before the first drawdown are a credit that the drawdown uses up. By the same rule they add at most one
    more rate, which is larger than the one asked for.
    """
    if not any(flow.amount < 0 for flow in flows):
        raise AprFault(AprFaultCode.NOTHING_LENT)
    if not any(flow.amount > 0 for flow in flows):
        raise AprFault(AprFaultCode.NOTHING_REPAID)
    balances = [balance for balance in accumulate(flow.amount for flow in flows) if balance]
    owed = list(dropwhile(_ZERO.__lt__, balances))
    if balances and not owed:
        raise AprFault(AprFaultCode.PAID_BEFORE_LENT)
    if sum(one * other < 0 for one, other in pairwise(owed)) > 1:
        raise AprFault(AprFaultCode.MORE_THAN_ONE_RATE)
    if sum(flow.amount for flow in flows) < 0:
        raise AprFault(AprFaultCode.LESS_REPAID_THAN_LENT)


def _percent(force: Decimal) -> Decimal:
    return _C.multiply(_PERCENT, _C.subtract(_C.exp(force), _ONE))


def _bracket(worth: Callable[[Decimal], Decimal]) -> tuple[Decimal, Decimal]:
    """Where a decreasing function that is positive at zero is still positive, and where no longer. Raises AprFault."""
    low, high = _ZERO, _FIRST_STEP
    while worth(high) > 0:
        if high >= _LARGEST:
            raise AprFault(AprFaultCode.BEYOND_MEASURE)
        low, high = high, _C.multiply(high, _TWO)
    return low, high


def _first_bracket(
    worth: Callable[[Decimal], Decimal], least: Callable[[Decimal, Decimal], Decimal]
) -> tuple[Decimal, Decimal]:
    """The same for a function that falls and then may rise again; `least` bounds it from below between two points.

    Intervals are searched from the left and halved until the function is negative at an end, or positive throughout.
    """
    pieces = [(_ZERO, _FIRST_STEP)]
    while pieces:
        low, high = pieces.pop()
        if worth(high) <= 0:
            return low, high
        if least(low, high) <= 0 and _C.subtract(high, low) > _NARROW:
            middle = _C.divide(_C.add(low, high), _TWO)
            pieces += [(middle, high), (low, middle)]
        elif not pieces and high < _LARGEST:
            pieces.append((high, _C.multiply(high, _TWO)))
    raise AprFault(AprFaultCode.PAID_BEFORE_LENT)


def _root(worth: Callable[[Decimal], Decimal], low: Decimal, high: Decimal) -> Decimal:
    """The root between a point where a function is positive and a later one where it is not, by Ridders (1979)."""
    worth_low, worth_high = worth(low), worth(high)
    while worth_high:
        middle = _C.divide(_C.add(low, high), _TWO)
        worth_middle = worth(middle)
        bend = _C.sqrt(_C.subtract(_C.multiply(worth_middle, worth_middle), _C.multiply(worth_low, worth_high)))
        guess = _C.add(middle, _C.divide(_C.multiply(_C.subtract(middle, low), worth_middle), bend))
        for at in (middle, guess, _C.subtract(guess, _CLOSE), _C.add(guess, _CLOSE)):
            if low < at < high:
                value = worth(at)
                if value > 0:
                    low, worth_low = at, value
                else:
                    high, worth_high = at, value
        if _C.subtract(high, low) <= 2 * _CLOSE:
            break
    return high
