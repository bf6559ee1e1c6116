"""Builds the schedule of an order: due days and amounts of instalments, which sum exactly to amount and interest."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from ledger.money import Money
from lending.schedule.amortise import Loan, amortise, down_payment, in_units
from lending.schedule.due import Due, ScheduleFault
from lending.schedule.due_dates import months_after, on_business_day
from lending.terms.product_terms import First, Interest, Repayment

BasisPoints = int | Decimal
"""A rate in basis points: 990 is 9.90 %, and Decimal("948.22") is 9.4822 %."""


@dataclass(frozen=True, slots=True)
class LoanTerms:
    """The amount, instalments and rate agreed for an order; `annual_rate_basis_points` is yearly, 990 for 9.90 %."""

    amount: Money
    duration_months: int
    annual_rate_basis_points: BasisPoints = 0


def schedule(
    terms: LoanTerms, repayment: Repayment, on: date, *, holidays: Collection[date] = frozenset()
) -> tuple[Due, ...]:
    """The instalments of terms that start on a day, by the product's repayment rules. Raises ScheduleFault.

    Without interest the amount is split, the earliest carry the odd units. With interest they are level and the last
    takes what is over, as it does where the product's instalments are multiples of a larger unit. A due that a product
    moves off a holiday keeps its amount; one of the first day, which is paid at the checkout, is not moved.

    >>> from ledger.money import Currency
    >>> from lending.terms.product import Product
    >>> from lending.terms.products import product_on
    >>> on = date(2026, 1, 31)
    >>> in_three = product_on(Product.PAY_IN_3, on).repayment
    >>> dues = schedule(LoanTerms(Money(100_00, Currency.GBP), 2), in_three, on)
    >>> [(due.number, str(due.due_on), due.amount.minor) for due in dues]
    [(0, '2026-01-31', 3334), (1, '2026-03-02', 3333), (2, '2026-04-01', 3333)]
    """
    if repayment.interest is None and terms.annual_rate_basis_points:
        raise ScheduleFault("a product without interest has no yearly rate")
    bears = repayment.interest if terms.annual_rate_basis_points else None
    dues = _split(terms, repayment, on) if bears is None else _amortised(terms, repayment, bears, on)
    if any(due.amount.minor == 0 for due in dues):
        raise ScheduleFault(f"{terms.amount} is too little for {len(dues)} instalments")
    return tuple(
        due if due.due_on == on else replace(due, due_on=on_business_day(due.due_on, repayment.business_days, holidays))
        for due in dues
    )


def repeated_dues(instalment: Money, count: int, *, first_due_on: date) -> tuple[Due, ...]:
    """Equal monthly instalments without interest, as a bank's standing order pays them."""
    _enough(instalment * count, count)
    nothing = Money.zero(instalment.currency)
    return tuple(
        Due(number, months_after(first_due_on, number - 1), instalment, nothing) for number in range(1, count + 1)
    )


def _split(terms: LoanTerms, repayment: Repayment, on: date) -> tuple[Due, ...]:
    """The down payment, due at once, and the rest in equal parts; number 0 is the instalment due on the first day."""
    nothing = Money.zero(terms.amount.currency)
    unit = repayment.unit(terms.amount.currency)
    down = down_payment(terms.amount, repayment.down_payment_percent, unit)
    rest, count = terms.amount - down, _count(terms, repayment)
    _enough(rest, count)
    parts = enumerate(_parts(rest, count, unit), 0 if repayment.first is First.AT_ONCE else 1)
    first = (Due(0, on, down, nothing),) if down.minor else ()
    return (*first, *(Due(number, repayment.spacing.after(on, number), part, nothing) for number, part in parts))


def _amortised(terms: LoanTerms, repayment: Repayment, interest: Interest, on: date) -> tuple[Due, ...]:
    return amortise(
        Loan(
            amount=terms.amount,
            annual_rate_percent=Decimal(terms.annual_rate_basis_points).scaleb(-2),
            instalments=_count(terms, repayment),
            spacing=repayment.spacing,
            starts_on=on,
            day_count=interest.day_count,
            method=interest.method,
            down_payment_percent=repayment.down_payment_percent,
            first_day_bears_interest=interest.first_day_bears,
            multiple_of=repayment.unit(terms.amount.currency),
        )
    )


def _parts(amount: Money, count: int, unit: int) -> list[Money]:
    """Equal parts; in multiples of a unit the last takes the rest, else the earliest carry the odd units."""
    if unit == 1:
        return amount.split(count)
    part = Money(in_units(Decimal(amount.minor) / count, unit), amount.currency)
    last = amount - part * (count - 1)
    if last.minor <= 0:
        raise ScheduleFault(f"{amount} is too little for {count} instalments in multiples of {unit}")
    return [*[part] * (count - 1), last]


def _count(terms: LoanTerms, repayment: Repayment) -> int:
    return terms.duration_months if repayment.instalments is None else repayment.instalments


def _enough(amount: Money, parts: int) -> None:
    if parts < 1:
        raise ScheduleFault(f"a schedule has at least one instalment, not {parts}")
    if amount.minor < parts:
        raise ScheduleFault(f"{amount} is too little for {parts} instalments")
