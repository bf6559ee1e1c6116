"""The agreed schedule of a peer's loan, by each day count that it may have."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from ledger.money import Currency, Money
from lending.schedule.amortise import Loan, Method, amortise
from lending.schedule.day_count import DayCount
from lending.schedule.due import Due, ScheduleFault
from lending.schedule.due_dates import Spacing, Unit
from tests.scenarios.fineract_e2e.product import DOWN_PAYMENT_PERCENT
from tests.scenarios.fineract_e2e.story import NotExpressible, PeerLoan

EUR = Currency.EUR
WHOLE_UNIT = 100

DAY_COUNTS = {
    "30/360": DayCount(True, 360),
    "actual/actual": DayCount(False, None),
    "actual/365": DayCount(False, 365),
    "actual/360": DayCount(False, 360),
    "30/365": DayCount(True, 365),
}


def schedules(terms: PeerLoan, amount: int, starts_on: date) -> Iterator[tuple[str, tuple[Due, ...]]]:
    """The agreed schedule by day count: first the one that the product's name tells, then the others."""
    _refuse_unusual(terms, starts_on)
    told = terms.product.day_count or "actual/actual"
    if not terms.interest_by_day and not terms.product.progressive:
        told = "30/360"  # a period of the older schedules is a twelfth of a year, whatever its days
    names = [told, *(name for name in DAY_COUNTS if name != told)]
    for name in names if terms.rate_percent else names[:1]:
        try:
            dues = amortise(_loan(terms, amount, starts_on, DAY_COUNTS[name]))
        except ScheduleFault as fault:
            raise NotExpressible("no_such_schedule", str(fault)) from fault
        if not all(due.amount.minor for due in dues):
            raise NotExpressible("instalment_of_nothing")
        yield name, dues


def _loan(terms: PeerLoan, amount: int, starts_on: date, day_count: DayCount) -> Loan:
    return Loan(
        Money(amount, EUR),
        terms.rate_percent,
        terms.instalments,
        spacing_of(terms.every, terms.unit),
        starts_on,
        day_count,
        Method.FLAT if terms.flat else Method.DECLINING_BALANCE,
        Decimal(DOWN_PAYMENT_PERCENT if terms.product.down_payment else 0),
        terms.product.first_day_bears,
        WHOLE_UNIT if terms.product.whole_units else 1,
    )


def spacing_of(every: int, unit: str) -> Spacing:
    return Spacing(every * 12, Unit.MONTHS) if unit == "years" else Spacing(every, Unit(unit))


_UNUSUAL = {
    "graceOnPrincipalPayment": "grace_on_principal",
    "graceOnInterestPayment": "grace_on_interest",
    "interest free period": "interest_free_period",
    "fixed length": "fixed_length",
    "interestRateFrequencyType": "rate_of_whole_term",
    "charges": "disbursement_fee",
    "disbursement": "expected_disbursements",
}


def _refuse_unusual(terms: PeerLoan, starts_on: date) -> None:
    for told, capability in _UNUSUAL.items():
        if told in terms.unusual:
            raise NotExpressible(capability)
    from_submission = terms.product.dues_from_submission and "Repayment start date type" not in terms.unusual
    if from_submission and terms.submitted_on != starts_on:
        raise NotExpressible("dues_from_the_application")
