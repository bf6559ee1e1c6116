"""When an amount is repaid and by how much: instalments that sum to the amount and its interest, to the unit."""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from ledger.money import Money
from lending.due import Due, ScheduleFault
from lending.due_dates import months_after
from lending.order import Product

DAYS_BETWEEN_THIRDS = 30
_MONTHS_AND_BASIS_POINTS = 12 * 10_000


@dataclass(frozen=True, slots=True)
class Terms:
    """How an amount is repaid; `annual_rate_basis_points` is the yearly interest, 990 for 9.90 %.

    `duration_months` is the number of monthly instalments; pay-in-3 always takes two months.
    """

    product: Product
    amount: Money
    duration_months: int
    annual_rate_basis_points: int = 0


def schedule(terms: Terms, on: date) -> tuple[Due, ...]:
    """The instalments of terms that are taken up on a day. Raises ScheduleFault."""
    if terms.product is Product.PAY_IN_3:
        return pay_in_3(terms.amount, on)
    return monthly(terms.amount, terms.duration_months, terms.annual_rate_basis_points, on)


def pay_in_3(amount: Money, on: date) -> tuple[Due, ...]:
    """A third today, a third in 30 days, a third in 60, without interest; the earliest carry the odd units.

    >>> from ledger.money import Currency
    >>> dues = pay_in_3(Money(100_00, Currency.GBP), date(2026, 1, 31))
    >>> [(due.number, str(due.due_on), due.amount.minor) for due in dues]
    [(0, '2026-01-31', 3334), (1, '2026-03-02', 3333), (2, '2026-04-01', 3333)]
    """
    _enough(amount, 3)
    nothing = Money.zero(amount.currency)
    return tuple(
        Due(number, on + timedelta(days=DAYS_BETWEEN_THIRDS * number), part, nothing)
        for number, part in enumerate(amount.split(3))
    )


def monthly(amount: Money, months: int, annual_rate_basis_points: int, on: date) -> tuple[Due, ...]:
    """Level monthly instalments, the first one month after `on`; interest is a twelfth of the yearly rate a month.

    Without interest the amount is split, the earliest carry the odd units. With interest, instalments are rounded
    cumulatively from the exact annuity: they differ by a unit at most and their sum is exact.

    >>> from ledger.money import Currency
    >>> [due.amount.minor for due in monthly(Money(100_00, Currency.GBP), 3, 990, date(2026, 1, 31))]
    [3388, 3389, 3388]
    """
    _enough(amount, months)
    parts = _annuity(amount, months, annual_rate_basis_points) if annual_rate_basis_points else _level(amount, months)
    return tuple(
        Due(number, months_after(on, number), principal, interest)
        for number, (principal, interest) in enumerate(parts, 1)
    )


def repeated(instalment: Money, count: int, *, first_due_on: date) -> tuple[Due, ...]:
    """The same instalment without interest every month, as a bank's standing order pays it."""
    _enough(instalment * count, count)
    nothing = Money.zero(instalment.currency)
    return tuple(
        Due(number, months_after(first_due_on, number - 1), instalment, nothing) for number in range(1, count + 1)
    )


def _enough(amount: Money, parts: int) -> None:
    if parts < 1:
        raise ScheduleFault(f"a schedule has at least one instalment, not {parts}")
    if amount.minor < parts:
        raise ScheduleFault(f"{amount} is too little for {parts} instalments")


def _level(amount: Money, months: int) -> list[tuple[Money, Money]]:
    return [(part, Money.zero(amount.currency)) for part in amount.split(months)]


def _annuity(amount: Money, months: int, annual_rate_basis_points: int) -> list[tuple[Money, Money]]:
    """Principal and interest of each month: what the exact annuity has paid so far, rounded, less the months before."""
    rate = Fraction(annual_rate_basis_points, _MONTHS_AND_BASIS_POINTS)
    growth = (1 + rate) ** months
    instalment = amount.minor * rate * growth / (growth - 1)
    owed = Fraction(amount.minor)
    interest_so_far = Fraction(0)
    before = (0, 0)
    parts = []
    for month in range(1, months + 1):
        interest_so_far += owed * rate
        owed += owed * rate - instalment
        after = (_rounded(month * instalment), _rounded(interest_so_far))
        paid, interest = after[0] - before[0], after[1] - before[1]
        if paid < interest:
            raise ScheduleFault(f"{amount} is too little for {months} instalments")
        parts.append((Money(paid - interest, amount.currency), Money(interest, amount.currency)))
        before = after
    return parts


def _rounded(exact: Fraction) -> int:
    """To the nearest unit, halves up."""
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
