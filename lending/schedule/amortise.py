"""Amortises a loan into instalments with interest, either level on a declining balance or flat on the amount lent.

The arithmetic follows Fineract's progressive loans, whose published schedules are our oracle (docs/decisions/0025):
decimals of 19 significant digits, half to even, with operations in the order written here. Amounts are rounded to whole
units once, half to even: the down payment, the instalment, and the interest of each period.
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
    """The base on which interest is computed."""

    DECLINING_BALANCE = "declining_balance"  # what is still owed
    FLAT = "flat"  # the amount lent, until the last due


@dataclass(frozen=True, slots=True)
class Loan:
    """An amount lent and its repayment; `annual_rate_percent` 9.9 is 9.9 % a year.

    The down payment is due at once. The rest is due in `instalments` instalments, the first one spacing after
    `starts_on`. The down payment and every instalment but the last are multiples of `multiple_of`, in the currency's
    smallest units: 100 for whole pounds.
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
    multiple_of: int = 1

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise ScheduleFault(f"{self.amount} is no amount to lend")
        if not 1 <= self.instalments <= MOST_INSTALMENTS:
            raise ScheduleFault(f"{self.instalments} instalments; a schedule has 1 to {MOST_INSTALMENTS}")
        if not self.annual_rate_percent.is_finite() or self.annual_rate_percent < 0:
            raise ScheduleFault(f"a yearly rate of {self.annual_rate_percent} %")
        if not 0 <= self.down_payment_percent < _PERCENT:
            raise ScheduleFault(f"a down payment of {self.down_payment_percent} %")
        if self.multiple_of < 1:
            raise ScheduleFault(f"instalments in multiples of {self.multiple_of}")


def down_payment(amount: Money, percent: Decimal, multiple_of: int = 1) -> Money:
    """The part of an amount that is paid at once, the nearest multiple of a unit.

    >>> from ledger.money import Currency
    >>> str(down_payment(Money(99_99, Currency.GBP), Decimal(25)))
    '25.00 GBP'
    """
    exact = DIGITS.divide(DIGITS.multiply(Decimal(amount.minor), percent), _PERCENT)
    return Money(in_units(exact, multiple_of), amount.currency)


@dataclass(frozen=True, slots=True)
class RepaymentPeriod:
    """The period that ends with a due: its number, days, and its interest rate as a share of the amount.

    `known`: its interest where that does not follow from one amount, as the principal changed within the period.
    """

    number: int
    due_on: date
    days: int
    rate: Decimal
    known: Decimal | None = None

    def interest(self, on_minor: int) -> Decimal:
        """The interest on an amount over the period, with each daily interest rounded to 19 digits."""
        if self.known is not None:
            return self.known
        a_day = DIGITS.divide(DIGITS.multiply(Decimal(on_minor), self.rate), Decimal(self.days))
        return DIGITS.multiply(a_day, Decimal(self.days))


@dataclass(frozen=True, slots=True)
class Split:
    """An instalment split into principal and interest, in minor units."""

    principal: int
    interest: int

    @property
    def amount(self) -> int:
        return self.principal + self.interest


def amortise(loan: Loan) -> tuple[Due, ...]:
    """The instalments of a loan; a down payment is number 0. Raises ScheduleFault.

    >>> from ledger.money import Currency
    >>> from lending.schedule.day_count import ACTUAL_365
    >>> from lending.schedule.due_dates import Unit
    >>> terms = (Money(600_00, Currency.GBP), Decimal("99.9"), 3, Spacing(1, Unit.MONTHS), date(2026, 4, 30))
    >>> [(str(due.due_on), due.principal.minor, due.interest.minor) for due in amortise(Loan(*terms, ACTUAL_365))]
    [('2026-05-30', 18482, 4927), ('2026-06-30', 19886, 3523), ('2026-07-30', 21632, 1776)]
    """
    down = down_payment(loan.amount, loan.down_payment_percent, loan.multiple_of)
    lent = (loan.amount - down).minor
    periods = _periods(loan)
    flat = loan.method is Method.FLAT
    splits = _flat(lent, periods, loan.multiple_of) if flat else levelled(lent, periods, loan.multiple_of)
    currency = loan.amount.currency
    first = [Due(0, loan.starts_on, down, Money.zero(currency))] if down.minor else []
    return (
        *first,
        *(
            Due(period.number, period.due_on, Money(split.principal, currency), Money(split.interest, currency))
            for period, split in zip(periods, splits, strict=True)
        ),
    )


def _periods(loan: Loan) -> tuple[RepaymentPeriod, ...]:
    try:
        days = [loan.spacing.after(loan.starts_on, times) for times in range(loan.instalments + 1)]
    except (OverflowError, ValueError) as error:
        raise ScheduleFault(f"the last due of {loan.instalments} would be after the year 9999") from error
    rate = DIGITS.divide(loan.annual_rate_percent, _PERCENT)
    return tuple(
        RepaymentPeriod(number, due_on, (due_on - start).days, _rate_of(loan, rate, start, due_on))
        for number, (start, due_on) in enumerate(pairwise(days), 1)
    )


def _rate_of(loan: Loan, yearly: Decimal, start: date, due_on: date) -> Decimal:
    share = loan.day_count.share_of_year(start, due_on, loan.spacing, first_day_bears=loan.first_day_bears_interest)
    return DIGITS.multiply(yearly, share).quantize(_NINETEEN_DECIMALS, context=_ROOMY)


def levelled(lent: int, periods: Sequence[RepaymentPeriod], unit: int) -> list[Split]:
    """Equal instalments; where the last one differs by much, the others absorb a part of the difference.

    Much is more than half a unit per instalment, where a unit is what each is a multiple of. Repeated at most three
    times, and only while the difference shrinks.
    """
    instalment = _level_instalment(lent, periods, unit)
    splits = _repaid(lent, periods, instalment)
    for _ in range(_MOST_LEVELLINGS):
        off = splits[-1].amount - instalment
        if abs(off) <= len(periods) * unit // 2:
            break
        nearer = in_units(Decimal(instalment + _whole(DIGITS.divide(Decimal(off), Decimal(len(periods))))), unit)
        tried = _repaid(lent, periods, nearer)
        if nearer == instalment or abs(tried[-1].amount - nearer) >= abs(off):
            break
        instalment, splits = nearer, tried
    return splits


def _level_instalment(lent: int, periods: Sequence[RepaymentPeriod], unit: int) -> int:
    """The annuity: the amount lent compounded to the end, divided by the compounded sum of unit instalments."""
    grown, grown_instalments = Decimal(1), Decimal(1)
    for period in periods:
        growth = _ROOMY.add(Decimal(1), period.rate)
        grown = DIGITS.multiply(grown, growth)
        if period is not periods[0]:
            grown_instalments = DIGITS.add(Decimal(1), DIGITS.multiply(grown_instalments, growth))
    return in_units(DIGITS.divide(DIGITS.multiply(grown, Decimal(lent)), grown_instalments), unit)


def _repaid(
    lent: int, periods: Sequence[RepaymentPeriod], instalment: int, flat: Sequence[int] | None = None
) -> list[Split]:
    """Split instalments: each first pays the interest of its period, and the last pays the remainder.

    `flat`: the interest of each period, where it is not that of what is still owed.
    Interest above the instalment is carried into the next period and bears no interest itself.
    """
    owed, waiting = lent, 0
    splits = []
    for place, period in enumerate(periods):
        interest = (_whole(period.interest(owed)) if flat is None else flat[place]) + waiting
        if period is periods[-1]:
            split = Split(owed, interest)
        else:
            paid = min(interest, instalment)
            split = Split(min(instalment - paid, owed), paid)
        waiting = interest - split.interest
        owed -= split.principal
        splits.append(split)
    return splits


def _flat(lent: int, periods: Sequence[RepaymentPeriod], unit: int) -> list[Split]:
    """Flat interest: each period on the whole amount lent; instalments are equal, and the last takes the remainder.

    Interest is rounded once in all, so the last instalment may have a unit more or less of it.
    """
    exact = [period.interest(lent) for period in periods]
    *parts, _ = [_whole(each) for each in exact]
    interest = [*parts, _whole(sum(exact, Decimal(0))) - sum(parts)]
    whole = lent + sum(interest)
    instalment = in_units(DIGITS.divide(Decimal(whole), Decimal(len(periods))), unit)
    return _repaid(lent, periods, instalment, interest)


def in_units(exact: Decimal, unit: int) -> int:
    """The multiple of a unit that is nearest to an amount, half to even.

    >>> in_units(Decimal("304.91"), 1), in_units(Decimal(30_491), 100), in_units(Decimal(50), 100)
    (305, 30500, 0)
    """
    return unit * _whole(DIGITS.divide(exact, Decimal(unit)))


def _whole(exact: Decimal) -> int:
    return int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))
