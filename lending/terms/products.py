"""Products and their terms, read from the versioned files in this folder."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.money import Currency
from lending.schedule.amortise import MOST_INSTALMENTS, Method
from lending.schedule.business_days import BusinessDays
from lending.schedule.day_count import DayCount, DayCountFault
from lending.schedule.due_dates import Adjustment, Spacing, Unit
from lending.terms.holidays import holidays_of
from lending.terms.product import Product
from lending.terms.product_terms import (
    First,
    ImportedProduct,
    Interest,
    LateFee,
    LateFeeCaps,
    ProductTerms,
    Repayment,
    Servicing,
)
from lending.terms.servicing_terms import (
    Bucket,
    ChargeOffInterest,
    ClaimDue,
    ClaimRule,
    Component,
    DiscountEarning,
    EarlyPayment,
    LateInterest,
    LaterShipment,
    PayoffInterest,
    RefundPlacing,
    ServicingTerms,
    TermsFault,
)
from lending.terms.terms_file import (
    Section,
    TermsFileFault,
    content_digest,
    effective,
    on_day,
    one_at_a_time,
    read_terms,
)
from terminal.fault import Fault
from terminal.lenders_own import lenders_own

SHIPPED_PRODUCTS = Path(str(files("lending"))) / "products"

_IMPORTED = "imported-"

_DAYS_IN_MONTH = {"actual": False, "30": True}
_DAYS_IN_YEAR = {"actual": None, "360": 360, "364": 364, "365": 365}


class NoSuchProduct(Fault, LookupError):
    """Raised for a product that is not offered on a day."""


class Products:
    """Every version of every product, to be found by day or by version."""

    def __init__(self, versions: Mapping[Product, tuple[ProductTerms, ...]]) -> None:
        self._versions = versions

    def on(self, product: Product, day: date) -> ProductTerms:
        """The terms under which a plan is opened that day. Raises NoSuchProduct."""
        terms = on_day(self._versions.get(product, ()), day)
        if terms is None:
            raise NoSuchProduct(f"{product} is not offered on {day}")
        return terms

    def all(self) -> tuple[ProductTerms, ...]:
        """Every version, by product and first day."""
        return tuple(terms for versions in self._versions.values() for terms in versions)

    def version(self, name: str) -> ProductTerms:
        """The terms under which a plan was opened. Raises NoSuchProduct."""
        for versions in self._versions.values():
            for terms in versions:
                if terms.version == name:
                    return terms
        raise NoSuchProduct(f"there is no version {name} of a product")


def load_products(folder: Path) -> Products:
    """Load the products in a folder; raises TermsFileFault for the first file that cannot be used."""
    read = [read_product(file) for file in sorted(folder.glob("*.toml")) if _is_a_product(file)]
    return Products(
        {
            product: one_at_a_time((terms for terms in read if terms.product is product), folder, product)
            for product in Product
        }
    )


def read_product(file: Path) -> ProductTerms:
    """The terms in one file, which need not be among those that ship; raises TermsFileFault."""
    return _product_terms(read_terms(file))


@cache
def products() -> Products:
    """The lender's products, or those that ship with this package."""
    return load_products(products_folder())


def products_folder() -> Path:
    """The folder of the lender's products, or of those that ship."""
    return lenders_own("products", SHIPPED_PRODUCTS)


def product_on(product: Product, day: date) -> ProductTerms:
    """The terms under which a plan is opened that day. Raises NoSuchProduct.

    >>> product_on(Product.PAY_IN_4, date(2026, 1, 31)).version
    'pay-in-4-1'
    """
    return products().on(product, day)


def local_day(product: Product, currency: Currency, at: datetime) -> date:
    """The day on which a moment is where the product is lent in that currency; in UTC where it is not.

    >>> str(local_day(Product.PAY_IN_3, Currency.GBP, datetime(2026, 6, 30, 23, 30, tzinfo=UTC)))
    '2026-07-01'
    """
    day = at.astimezone(UTC).date()
    try:
        days = product_on(product, day).servicing.days
    except NoSuchProduct:
        return day
    return days[currency].day_of(at) if currency in days else day


@cache
def servicing_terms(version: str, currency: Currency) -> ServicingTerms:
    """The servicing terms of a product's version, ours or imported, for plans in a currency. Raises NoSuchProduct."""
    terms = imported_product(version) if _is_imported(version) else products().version(version)
    if currency not in terms.servicing.currencies:
        raise NoSuchProduct(f"{version} is not offered in {currency}, only in {', '.join(terms.servicing.currencies)}")
    return terms.servicing_terms(currency)


def product_of(version: str) -> Product:
    """The product that a version belongs to, ours or imported. Raises NoSuchProduct."""
    return imported_product(version).product if _is_imported(version) else products().version(version).product


def imported_product(version: str = "imported-monthly-1", folder: Path | None = None) -> ImportedProduct:
    """The terms of imported loans; raises TermsFileFault."""
    settings = read_terms((folder or products_folder()) / f"{version}.toml")
    product = ImportedProduct(
        version,
        settings.one_of("product", Product),
        settings.basis_points("annual_rate_basis_points"),
        settings.whole("first_due_day", least=1, most=31),
        _servicing(settings, Adjustment.NONE),
    )
    settings.done()
    return product


def _is_imported(version: str) -> bool:
    return version.startswith(_IMPORTED) and (products_folder() / f"{version}.toml").is_file()


def _is_a_product(file: Path) -> bool:
    """Whether a file holds the terms of a product; those of imported loans have another form."""
    return not file.stem.startswith(_IMPORTED)


def _product_terms(settings: Section) -> ProductTerms:
    version, product = settings.text("version"), settings.one_of("product", Product)
    effective_from, effective_until = effective(settings)
    repayment = _repayment(settings)
    if (product is Product.MONTHLY) is not (repayment.instalments is None):
        raise settings.fault("repayment.instalments", "must be given, but not for monthly, where the order states it")
    servicing = _servicing(settings, repayment.business_days)
    for currency in sorted(repayment.multiple_of.keys() - set(servicing.currencies)):
        raise settings.fault(f"repayment.multiple_of_minor.{currency}", "is no currency of late_fees")
    settings.done()
    return ProductTerms(
        version=version,
        digest=content_digest(settings.left),
        product=product,
        effective_from=effective_from,
        effective_until=effective_until,
        repayment=repayment,
        servicing=servicing,
    )


def _servicing(settings: Section, adjustment: Adjustment) -> Servicing:
    fees, rules = settings.section("late_fees"), settings.section("servicing")
    servicing = Servicing(
        late_fees=tuple(_late_fee(rule) for rule in fees.sections("rules")),
        late_fee_caps=LateFeeCaps(
            fees.amounts("cap_per_instalment_minor"),
            fees.amounts("cap_per_order_minor"),
            fees.basis_points("cap_of_order_basis_points"),
        ),
        allocation=rules.order_of("allocation", Component),
        allocation_past_due=_order(rules, "allocation_past_due"),
        allocation_in_advance=_order(rules, "allocation_in_advance"),
        allocate_across=rules.flag("allocate_across") if rules.has("allocate_across") else False,
        buckets=tuple(_bucket(bucket) for bucket in rules.sections("buckets")),
        refund_placing=rules.one_of("refund_placing", RefundPlacing),
        discount_earning=rules.one_of("discount_earning", DiscountEarning),
        reschedule_resets_delinquency=rules.flag("reschedule_resets_delinquency"),
        interest_stops_in_pause=rules.flag("interest_stops_in_pause"),
        early_payment=rules.one_of("early_payment", EarlyPayment),
        late_interest=rules.one_of("late_interest", LateInterest),
        payoff_interest=_payoff_interest(rules),
        refunds_pay=rules.one_of("refunds_pay", EarlyPayment) if rules.has("refunds_pay") else None,
        goodwill_pays=rules.one_of("goodwill_pays", EarlyPayment) if rules.has("goodwill_pays") else None,
        refunds_allocation=_order(rules, "refunds_allocation"),
        goodwill_allocation=_order(rules, "goodwill_allocation"),
        refunds_interest=rules.flag("refunds_interest") if rules.has("refunds_interest") else True,
        charge_off_interest=rules.one_of("charge_off_interest", ChargeOffInterest),
        claims=_claims(rules),
        late_fee_tolerance=fees.amounts("tolerance_minor"),
        claim_due_days=rules.whole("claim_due_days", most=366),
        days=_days(settings.section("days"), adjustment),
    )
    fees.done()
    rules.done()
    _one_set_of_currencies(settings, servicing)
    for currency in servicing.currencies:
        try:
            servicing.terms(settings.file.stem, currency)
        except TermsFault as fault:
            raise TermsFileFault(f"{settings.file}: servicing: {fault}") from fault
    return servicing


def _payoff_interest(rules: Section) -> PayoffInterest:
    given = rules.has("payoff_interest")
    return rules.one_of("payoff_interest", PayoffInterest) if given else PayoffInterest.TO_THE_DAY


def _order(rules: Section, name: str) -> tuple[Component, ...] | None:
    return rules.order_of(name, Component) if rules.has(name) else None


def _claims(rules: Section) -> ClaimRule:
    due = rules.one_of("claim_due", ClaimDue)
    if due is ClaimDue.ORIGINAL_DUES:
        return ClaimRule(due)
    return ClaimRule(due, rules.some_of("claim_restores", Component))


def _days(section: Section, adjustment: Adjustment) -> Mapping[Currency, BusinessDays]:
    """The business days of each currency of the section, which names both a time zone and a calendar for it."""
    zones = section.by_currency("time_zone", _zone)
    holidays = section.by_currency("calendar", holidays_of)
    section.done()
    for currency in sorted(zones.keys() ^ holidays.keys()):
        raise section.fault(f"{'time_zone' if currency in holidays else 'calendar'}.{currency}", "is missing")
    return {currency: BusinessDays(zones[currency], holidays[currency], adjustment) for currency in zones}


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone such as Europe/London") from error


def _one_set_of_currencies(settings: Section, servicing: Servicing) -> None:
    """Raise TermsFileFault where a table lacks a currency in which the product is offered, or has another one."""
    caps = servicing.late_fee_caps
    tables: dict[str, Mapping[Currency, object]] = {
        f"late_fees.rules[{number}].amount_minor": fee.amount for number, fee in enumerate(servicing.late_fees, 1)
    }
    tables |= {
        "late_fees.cap_per_instalment_minor": caps.per_instalment,
        "late_fees.tolerance_minor": servicing.late_fee_tolerance,
        "days.time_zone": servicing.days,
    }
    for place, amounts in tables.items():
        for currency in sorted(amounts.keys() ^ caps.per_order.keys()):
            reason = "is missing" if currency in caps.per_order else "is missing in late_fees.cap_per_order_minor"
            raise settings.fault(f"{place}.{currency}", reason)


def _repayment(settings: Section) -> Repayment:
    section = settings.section("repayment")
    instalments = section.whole("instalments", least=1, most=MOST_INSTALMENTS) if section.has("instalments") else None
    repayment = Repayment(
        instalments=instalments,
        spacing=Spacing(section.whole("every", least=1, most=366), section.one_of("unit", Unit)),
        first=section.one_of("first", First),
        down_payment_basis_points=section.whole("down_payment_basis_points", most=9_999),
        business_days=section.one_of("business_days", Adjustment),
        interest=_interest(settings) if section.flag("bears_interest") else None,
        multiple_of=section.amounts("multiple_of_minor") if section.has("multiple_of_minor") else {},
        later_shipment=_later_shipment(section),
    )
    if repayment.interest is not None and repayment.first is First.AT_ONCE:
        raise section.fault("first", "an instalment that bears interest is not due at once")
    if repayment.down_payment_basis_points and repayment.first is First.AT_ONCE:
        raise section.fault("down_payment_basis_points", "the first instalment is due at once already")
    flat = repayment.interest is not None and repayment.interest.method is Method.FLAT
    if repayment.later_shipment is not LaterShipment.IN_PROPORTION and flat:
        raise section.fault("later_shipment", "flat instalments are not made level again")
    for currency, unit in repayment.multiple_of.items():
        if not unit.minor:
            raise section.fault(f"multiple_of_minor.{currency}", "is not above zero")
    section.done()
    return repayment


def _later_shipment(section: Section) -> LaterShipment:
    if not section.has("later_shipment"):
        return LaterShipment.IN_PROPORTION
    return section.one_of("later_shipment", LaterShipment)


def _interest(settings: Section) -> Interest:
    section = settings.section("interest")
    try:
        day_count = DayCount(
            section.key_of("days_in_month", _DAYS_IN_MONTH), section.key_of("days_in_year", _DAYS_IN_YEAR)
        )
    except DayCountFault as fault:
        raise section.fault("days_in_year", str(fault)) from fault
    as_agreed = section.flag("as_agreed") if section.has("as_agreed") else False
    interest = Interest(section.one_of("method", Method), day_count, section.flag("first_day_bears"), as_agreed)
    section.done()
    return interest


def _late_fee(section: Section) -> LateFee:
    fee = LateFee(section.text("rule"), section.whole("grace_days", most=366), section.amounts("amount_minor"))
    section.done()
    return fee


def _bucket(section: Section) -> Bucket:
    bucket = Bucket(section.text("name"), section.whole("from_days", most=100_000))
    section.done()
    return bucket
