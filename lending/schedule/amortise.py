"""A loan's instalments with interest: level ones on what is still owed, or flat ones on what was lent.

The arithmetic is that of Fineract's progressive loans, whose printed schedules are our oracle (docs/decisions/0025):
decimals of 19 significant digits, half to even, and the operations in the order in which they are written below.
Amounts become whole units once, half to even: the down payment, the instalment, the interest of each period.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from itertools import pairwise

from ledger.money import Money
from lending.schedule.day_count import DIGITS, DayCount
from lending.schedule.due import Due, ScheduleFault
from lending.schedule.due_dates import Spacing

MOST_INSTALMENTS = 1_200

_ROOMY = Context(prec=60, rounding=ROUND_HALF_EVEN)
_NINETEEN_DECIMALS = Decimal(1).scaleb(-19)
_PERCENT = Decimal(100)
_MOST_LEVELLINGS = 3


class Method(StrEnum):
    """What bears interest."""

    DECLINING_BALANCE = "declining_balance"  # what is still owed
    FLAT = "flat"  # what was lent, until the end


@dataclass(frozen=True, slots=True)
class Loan:
    """An amount and how it is repaid; `annual_rate_percent` 9.9 is 9.9 % a year.

    The down payment is due at once, the rest in so many instalments, the first a spacing after `starts_on`.
    """

    amount: Money
    annual_rate_percent: Decimal
    instalments: int
    spacing: Spacing
    starts_on: date
    day_count: DayCount
    method: Method = Method.DECLINING_BALANCE
    down_payment_percent: Decimal = Decimal(0)
    first_day_bears_interest: bool = False

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise ScheduleFault(f"{self.amount} is no amount to lend")
        if not 1 <= self.instalments <= MOST_INSTALMENTS:
            raise ScheduleFault(f"{self.instalments} instalments; a schedule has 1 to {MOST_INSTALMENTS}")
        if not self.annual_rate_percent.is_finite() or self.annual_rate_percent < 0:
            raise ScheduleFault(f"a yearly rate of {self.annual_rate_percent} %")
        if not 0 <= self.down_payment_percent < _PERCENT:
            raise ScheduleFault(f"a down payment of {self.down_payment_percent} %")


def down_payment(amount: Money, percent: Decimal) -> Money:
    """What is paid at once.

    >>> from ledger.money import Currency
    >>> str(down_payment(Money(99_99, Currency.GBP), Decimal(25)))
    '25.00 GBP'
    """
    return Money(_whole(DIGITS.divide(DIGITS.multiply(Decimal(amount.minor), percent), _PERCENT)), amount.currency)


@dataclass(frozen=True, slots=True)
class _Period:
    """The time between two dues, and the interest it brings on an amount of one."""

    number: int
    due_on: date
    days: int
    rate: Decimal

    def interest(self, on_minor: int) -> Decimal:
        """A day's interest, to 19 digits, for each day."""
        a_day = DIGITS.divide(DIGITS.multiply(Decimal(on_minor), self.rate), Decimal(self.days))
        return DIGITS.multiply(a_day, Decimal(self.days))


@dataclass(frozen=True, slots=True)
class _Split:
    """An instalment in whole units of the currency."""

    principal: int
    interest: int

    @property
    def amount(self) -> int:
        return self.principal + self.interest


def amortise(loan: Loan) -> tuple[Due, ...]:
    """A loan's instalments; the down payment, if there is one, is number 0. Raises ScheduleFault.

    >>> from ledger.money import Currency
    >>> from lending.schedule.day_count import ACTUAL_365
    >>> from lending.schedule.due_dates import Unit
    >>> terms = (Money(600_00, Currency.GBP), Decimal("99.9"), 3, Spacing(1, Unit.MONTHS), date(2026, 4, 30))
    >>> [(str(due.due_on), due.principal.minor, due.interest.minor) for due in amortise(Loan(*terms, ACTUAL_365))]
    [('2026-05-30', 18482, 4927), ('2026-06-30', 19886, 3523), ('2026-07-30', 21632, 1776)]
    """
    down = down_payment(loan.amount, loan.down_payment_percent)
    lent = (loan.amount - down).minor
    periods = _periods(loan)
    flat = loan.method is Method.FLAT
    splits = _flat(lent, periods) if flat else _levelled(lent, periods)
    currency = loan.amount.currency
    first = [Due(0, loan.starts_on, down, Money.zero(currency))] if down.minor else []
    return (
        *first,
        *(
            Due(period.number, period.due_on, Money(split.principal, currency), Money(split.interest, currency))
            for period, split in zip(periods, splits, strict=True)
        ),
    )


def _periods(loan: Loan) -> tuple[_Period, ...]:
    try:
        days = [loan.spacing.after(loan.starts_on, times) for times in range(loan.instalments + 1)]
    except (OverflowError, ValueError) as error:
        raise ScheduleFault(f"the last due of {loan.instalments} would be after the year 9999") from error
    rate = DIGITS.divide(loan.annual_rate_percent, _PERCENT)
    return tuple(
        _Period(number, due_on, (due_on - start).days, _rate_of(loan, rate, start, due_on))
        for number, (start, due_on) in enumerate(pairwise(days), 1)
    )


def _rate_of(loan: Loan, yearly: Decimal, start: date, due_on: date) -> Decimal:
    share = loan.day_count.share_of_year(start, due_on, loan.spacing, first_day_bears=loan.first_day_bears_interest)
    return DIGITS.multiply(yearly, share).quantize(_NINETEEN_DECIMALS, context=_ROOMY)


def _levelled(lent: int, periods: Sequence[_Period]) -> list[_Split]:
    """The same instalment each time; where the last would be far from it, the others take their part of that.

    Far is more than half a unit for each instalment. At most three times, and only while it comes nearer.
    """
    instalment = _level_instalment(lent, periods)
    splits = _repaid(lent, periods, instalment, flat=False)
    for _ in range(_MOST_LEVELLINGS):
        off = splits[-1].amount - instalment
        if abs(off) <= len(periods) // 2:
            break
        nearer = instalment + _whole(DIGITS.divide(Decimal(off), Decimal(len(periods))))
        tried = _repaid(lent, periods, nearer, flat=False)
        if nearer == instalment or abs(tried[-1].amount - nearer) >= abs(off):
            break
        instalment, splits = nearer, tried
    return splits


def _level_instalment(lent: int, periods: Sequence[_Period]) -> int:
    """The annuity: what was lent, grown to the end, over what instalments of one would have grown to."""
    grown, grown_instalments = Decimal(1), Decimal(1)
    for period in periods:
        growth = _ROOMY.add(Decimal(1), period.rate)
        grown = DIGITS.multiply(grown, growth)
        if period.number > 1:
            grown_instalments = DIGITS.add(Decimal(1), DIGITS.multiply(grown_instalments, growth))
    return _whole(DIGITS.divide(DIGITS.multiply(grown, Decimal(lent)), grown_instalments))


def _repaid(lent: int, periods: Sequence[_Period], instalment: int, *, flat: bool) -> list[_Split]:
    """Each instalment pays the interest of its period first; the last pays all that is left.

    Interest that is more than an instalment waits for the next one and bears none itself.
    """
    owed, waiting = lent, 0
    splits = []
    for period in periods:
        interest = _whole(period.interest(lent if flat else owed)) + waiting
        if period is periods[-1]:
            split = _Split(owed, interest)
        else:
            paid = min(interest, instalment)
            split = _Split(min(instalment - paid, owed), paid)
        waiting = interest - split.interest
        owed -= split.principal
        splits.append(split)
    return splits


def _flat(lent: int, periods: Sequence[_Period]) -> list[_Split]:
    """The interest of each period on all that was lent; instalments are equal, the last takes what does not divide."""
    whole = lent + sum(_whole(period.interest(lent)) for period in periods)
    instalment = _whole(DIGITS.divide(Decimal(whole), Decimal(len(periods))))
    return _repaid(lent, periods, instalment, flat=True)


def _whole(exact: Decimal) -> int:
    return int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))
