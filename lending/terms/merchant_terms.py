"""The terms agreed with merchants, by merchant and day: discount and its tax, reserve, settlement days."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path

from ledger.money import Currency, Money
from lending.terms.holidays import holidays_of
from lending.terms.terms_file import Section, TermsFileFault, effective, on_day, one_at_a_time, read_terms
from terminal.fault import Fault
from terminal.lenders_own import lenders_own

SHIPPED_TERMS = Path(str(files("lending"))) / "merchant_terms"

_ALL_OF_IT = 10_000
_LONGEST_WAIT = 366


class Weekday(StrEnum):
    """A day of the week, Monday first."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_WEEK = tuple(Weekday)


class NoMerchantTerms(Fault, LookupError):
    """Raised for a day on which a merchant has no terms of its own and there are no default terms."""


@dataclass(frozen=True, slots=True)
class MerchantTerms:
    """One version of a merchant's terms; `merchant_id` is None for the default terms of merchants without their own.

    Shares are in basis points, 500 for 5 %. `effective_until` is the last day of purchases under it. `bank_holidays`
    are the days on which no payout in a currency is made. `id_format` is what all ids of this merchant's orders match,
    told by merchants whose ids could be taken for card numbers.
    """

    version: str
    merchant_id: str | None
    effective_from: date
    effective_until: date | None
    discount_basis_points: int
    vat_basis_points: int
    discount_kept_on_refund: bool
    reserve_basis_points: int
    reserve_days: int
    settlement_days: int
    settlement_weekdays: frozenset[Weekday]
    bank_holidays: Mapping[Currency, frozenset[date]] = field(default_factory=dict)
    id_format: re.Pattern[str] | None = None

    def merchant_discount(self, purchase: Money) -> Money:
        """The discount that the merchant grants us on a purchase, rounded to the nearest unit, halves up."""
        return _share(purchase, self.discount_basis_points)

    def tax(self, discount: Money) -> Money:
        """Value added tax on a discount, which the merchant pays on top of it."""
        return _share(discount, self.vat_basis_points)

    def payable(self, purchase: Money) -> Money:
        """What we owe the merchant for a purchase.

        >>> from ledger.money import Currency
        >>> str(merchant_terms_on("m-1", date(2026, 1, 31)).payable(Money(100_00, Currency.GBP)))
        '95.00 GBP'
        """
        discount = self.merchant_discount(purchase)
        return purchase - discount - self.tax(discount)

    def reserve(self, payable: Money) -> Money:
        """The part of an amount owed to the merchant that is kept in reserve."""
        return _share(payable, self.reserve_basis_points)

    def released_on(self, held_on: date) -> date:
        """The day on which a reserve is released."""
        return held_on + timedelta(days=self.reserve_days)

    def pays_on(self, day: date, currency: Currency) -> bool:
        """Whether the merchant is paid in a currency on this day: a settlement weekday that is no bank holiday."""
        return _WEEK[day.weekday()] in self.settlement_weekdays and day not in self.bank_holidays.get(currency, ())

    def settled_on(self, purchased_on: date, currency: Currency) -> date:
        """The day a purchase is paid out: the first on which the merchant is paid, after the settlement days.

        >>> from ledger.money import Currency
        >>> str(merchant_terms_on("m-1", date(2026, 12, 23)).settled_on(date(2026, 12, 23), Currency.GBP))
        '2026-12-29'
        """
        day = purchased_on + timedelta(days=self.settlement_days)
        while not self.pays_on(day, currency):
            day += timedelta(days=1)
        return day


class AllMerchantTerms:
    """Every version of every merchant's terms."""

    def __init__(self, versions: Iterable[MerchantTerms], folder: Path) -> None:
        known = tuple(versions)
        merchants = {terms.merchant_id for terms in known}
        self._versions = {
            merchant: one_at_a_time((each for each in known if each.merchant_id == merchant), folder, merchant or "all")
            for merchant in merchants
        }

    def on(self, merchant_id: str, day: date) -> MerchantTerms:
        """The merchant's own terms on a day, or else the default terms. Raises NoMerchantTerms."""
        for merchant in (merchant_id, None):
            terms = on_day(self._versions.get(merchant, ()), day)
            if terms is not None:
                return terms
        raise NoMerchantTerms(f"{merchant_id} has no terms on {day}")


def load_merchant_terms(folder: Path) -> AllMerchantTerms:
    """Load the terms in a folder; raises TermsFileFault for the first file that cannot be used."""
    return AllMerchantTerms([_merchant_terms(read_terms(file)) for file in sorted(folder.glob("*.toml"))], folder)


@cache
def merchant_terms() -> AllMerchantTerms:
    """The lender's terms with merchants, or those that ship with this package."""
    return load_merchant_terms(lenders_own("merchant_terms", SHIPPED_TERMS))


def merchant_terms_on(merchant_id: str, day: date) -> MerchantTerms:
    """The terms of a merchant for purchases of a day. Raises NoMerchantTerms."""
    return merchant_terms().on(merchant_id, day)


def _merchant_terms(settings: Section) -> MerchantTerms:
    effective_from, effective_until = effective(settings)
    discount, reserve, settlement = (settings.section(name) for name in ("discount", "reserve", "settlement"))
    terms = MerchantTerms(
        version=settings.text("version"),
        merchant_id=settings.text("merchant_id") if settings.has("merchant_id") else None,
        effective_from=effective_from,
        effective_until=effective_until,
        discount_basis_points=discount.basis_points("basis_points"),
        vat_basis_points=discount.basis_points("vat_basis_points"),
        discount_kept_on_refund=discount.flag("kept_on_refund"),
        reserve_basis_points=reserve.basis_points("basis_points"),
        reserve_days=reserve.whole("days", most=_LONGEST_WAIT),
        settlement_days=settlement.whole("days", most=_LONGEST_WAIT),
        settlement_weekdays=frozenset(settlement.some_of("weekdays", Weekday)),
        bank_holidays=settlement.by_currency("calendar", holidays_of),
        id_format=settings.pattern("id_format") if settings.has("id_format") else None,
    )
    for section in (discount, reserve, settlement, settings):
        section.done()
    if terms.discount_basis_points * (_ALL_OF_IT + terms.vat_basis_points) > _ALL_OF_IT**2:
        raise TermsFileFault(f"{settings.file}: discount: with its tax it is more than the purchase")
    return terms


def _share(amount: Money, basis_points: int) -> Money:
    """A share of an amount, rounded to the nearest unit, halves up.

    >>> from ledger.money import Currency
    >>> str(_share(Money(10, Currency.GBP), 500))
    '0.01 GBP'
    """
    return Money((amount.minor * basis_points + _ALL_OF_IT // 2) // _ALL_OF_IT, amount.currency)
