"""Products as files: what ships, which version holds on a day, and what a file may not say."""

import json
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from ledger.money import Currency, Money
from lending.schedule.amortise import Method
from lending.schedule.day_count import ACTUAL_365
from lending.terms.dues import LoanTerms, schedule
from lending.terms.policy_file import load_policies
from lending.terms.product import FIXED_MONTHS, Product
from lending.terms.products import (
    SHIPPED_PRODUCTS,
    NoSuchProduct,
    imported_product,
    load_products,
    local_day,
    product_on,
    read_product,
    servicing_terms,
)
from lending.terms.servicing_terms import (
    BUCKETS,
    ChargeOffInterest,
    ClaimDue,
    Component,
    DiscountEarning,
    EarlyPayment,
    LateInterest,
    LaterShipment,
    PayoffInterest,
    RefundPlacing,
    ServicingTerms,
)
from lending.terms.terms_file import TermsFileFault
from tests.command_line import acts_of

main = acts_of("lending")
ON = date(2026, 1, 31)
FROM = "effective_from = 1993-01-01"
ZONES = '{ GBP = "Europe/London", EUR = "Europe/Brussels", CZK = "Europe/Prague", USD = "America/New_York" }'
CALENDARS = '{ GBP = "GB-ENG", EUR = "ECB", CZK = "CZ", USD = "US" }'


def put(folder: Path, version: str, *, of: str = "monthly-1", **changes: str) -> Path:
    """A copy of a shipped file under another version, with some of its text replaced."""
    text = (SHIPPED_PRODUCTS / f"{of}.toml").read_text().replace(f'version = "{of}"', f'version = "{version}"')
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    file = folder / f"{version}.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        pytest.param("every = 30", "every = 31", False, id="a number"),
        pytest.param("grace_days = 5", "grace_days = 6", False, id="a number deep inside"),
        pytest.param("# Three payments", "# Some payments", True, id="a comment"),
        pytest.param('every = 30\nunit = "days"', 'unit = "days"\nevery = 30', True, id="the order"),
    ],
)
def test_terms_are_known_by_what_their_file_says(tmp_path: Path, old: str, new: str, same: bool) -> None:
    put(tmp_path, "pay-in-3-1", of="pay-in-3-1", **{old: new})

    changed = load_products(tmp_path).version("pay-in-3-1")

    assert (changed.digest == product_on(Product.PAY_IN_3, ON).digest) is same
    assert (changed.stamp.version, changed.stamp.digest) == ("pay-in-3-1", changed.digest)


@pytest.mark.parametrize("product", Product)
def test_every_product_is_offered(product: Product) -> None:
    assert product_on(product, ON).product is product


def test_monthly_interest_is_for_actual_days_over_365_on_what_is_owed() -> None:
    interest = product_on(Product.MONTHLY, ON).repayment.interest

    assert interest is not None
    assert (interest.day_count, interest.method, interest.first_day_bears) == (
        ACTUAL_365,
        Method.DECLINING_BALANCE,
        False,
    )


def test_a_product_says_how_its_plans_are_serviced() -> None:
    terms = servicing_terms("pay-in-3-1", Currency.GBP)

    assert terms.version == "pay-in-3-1"
    assert terms.allocation == (Component.FEES, Component.INTEREST, Component.PRINCIPAL)
    assert [(rule.grace_days, rule.amount) for rule in terms.late_fees.rules] == [(5, Money(600, Currency.GBP))]
    assert terms.late_fees.cap_per_order == Money(1_800, Currency.GBP)
    assert terms.buckets == BUCKETS


def test_imported_loans_fall_due_on_the_12th_and_know_no_late_fee() -> None:
    product = imported_product()

    assert (product.version, product.product, product.first_due_day) == ("imported-monthly-1", Product.MONTHLY, 12)
    assert servicing_terms("imported-monthly-1", Currency.CZK).late_fees.rules == ()


@pytest.mark.parametrize(
    ("currency", "at", "day"),
    [
        (Currency.GBP, "2026-06-30T22:59Z", "2026-06-30"),
        (Currency.GBP, "2026-06-30T23:00Z", "2026-07-01"),
        (Currency.GBP, "2026-12-31T23:59Z", "2026-12-31"),
        (Currency.CZK, "2026-06-30T22:00Z", "2026-07-01"),
        (Currency.USD, "2026-07-01T03:59Z", "2026-06-30"),
        (Currency.JPY, "2026-06-30T23:30Z", "2026-06-30"),  # not offered: a day is UTC's
    ],
)
def test_a_day_is_that_of_the_jurisdiction_in_which_the_currency_is_lent(currency: Currency, at: str, day: str) -> None:
    assert str(local_day(Product.MONTHLY, currency, datetime.fromisoformat(at))) == day


@pytest.mark.parametrize("version", ["pay-in-3-0", "imported-monthly-0"])
def test_a_version_that_no_file_has_is_refused(version: str) -> None:
    with pytest.raises(NoSuchProduct, match=version):
        servicing_terms(version, Currency.GBP)


@pytest.mark.parametrize("version", ["pay-in-3-1", "imported-monthly-1"])
def test_a_plan_in_a_currency_that_its_product_is_not_offered_in_is_refused(version: str) -> None:
    with pytest.raises(NoSuchProduct, match=f"{version} is not offered in JPY, only in CZK, EUR, GBP, USD"):
        servicing_terms(version, Currency.JPY)


def test_a_product_is_offered_in_the_currencies_of_its_amounts(tmp_path: Path) -> None:
    offered = {
        "GBP = 600, EUR = 700, CZK = 15_000, USD = 700": "JPY = 900, KWD = 1_500",
        "GBP = 1_800, EUR = 2_100, CZK = 45_000, USD = 2_100": "JPY = 1, KWD = 1",
        "GBP = 100, EUR = 100, CZK = 2_500, USD = 100": "JPY = 20, KWD = 100",
        ZONES: '{ JPY = "Asia/Tokyo", KWD = "Asia/Kuwait" }',
        CALENDARS: '{ JPY = "US", KWD = "US" }',
    }
    put(tmp_path, "monthly-1", **offered)

    servicing = load_products(tmp_path).version("monthly-1").servicing

    assert servicing.currencies == (Currency.JPY, Currency.KWD)
    assert [str(fee.amount[Currency.KWD]) for fee in servicing.late_fees] == ["1.500 KWD"]


def test_every_policy_lends_in_a_currency_that_its_products_are_offered_in() -> None:
    for policy in load_policies():
        for product in policy.products:
            assert policy.currency in product_on(product, max(policy.valid_from, ON)).servicing.currencies


def test_the_version_of_a_day_is_the_one_in_force(tmp_path: Path) -> None:
    put(tmp_path, "monthly-1", **{FROM: f"{FROM}\neffective_until = 2025-12-31"})
    put(tmp_path, "monthly-2", **{"effective_from = 1993-01-01": "effective_from = 2026-02-01"})
    products = load_products(tmp_path)

    assert products.on(Product.MONTHLY, date(2025, 12, 31)).version == "monthly-1"
    assert products.on(Product.MONTHLY, date(2026, 2, 1)).version == "monthly-2"
    assert products.version("monthly-1").effective_until == date(2025, 12, 31)
    for day in (date(1992, 12, 31), date(2026, 1, 31)):
        with pytest.raises(NoSuchProduct, match=f"monthly is not offered on {day}"):
            products.on(Product.MONTHLY, day)


@pytest.mark.parametrize(
    "end", [pytest.param("", id="for ever"), pytest.param("\neffective_until = 2026-02-01", id="to the other's day")]
)
def test_two_versions_of_one_day_are_refused(tmp_path: Path, end: str) -> None:
    put(tmp_path, "monthly-1", **{"effective_from = 1993-01-01": f"effective_from = 1993-01-01{end}"})
    put(tmp_path, "monthly-2", **{"effective_from = 1993-01-01": "effective_from = 2026-02-01"})

    with pytest.raises(TermsFileFault, match=r"monthly-2\.toml: effective_from: 2026-02-01 is within monthly-1"):
        load_products(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('version = "x-1"', 'version = "x-2"', "version: is 'x-2', the file's name says 'x-1'"),
        ('product = "monthly"', 'product = "weekly"', "product: 'weekly' is none of monthly, pay_in_3"),
        ('product = "monthly"', "", "product: is missing"),
        ("effective_from = 1993-01-01", 'effective_from = "1993"', "effective_from: '1993' is not a day"),
        ("effective_from = 1993-01-01", "effective_from = 1993-01-01T00:00:00", "effective_from: .* is not a day"),
        (
            "effective_from = 1993-01-01",
            "effective_from = 1993-01-01\neffective_until = 1992-12-31",
            "effective_until: 1992-12-31 is before 1993-01-01",
        ),
        ("effective_from = 1993-01-01", "effective_from = 1993-01-01\ncolour = 1", "colour: is not a known setting"),
        ("every = 1", "every = 0", "repayment.every: 0 is not a whole number from 1 to 366"),
        ("every = 1", "every = 1.0", "repayment.every: 1.0 is not"),
        ("every = 1", "every = 1\ninstalments = 3", "repayment.instalments: must be given"),
        ('unit = "months"', 'unit = "years"', "repayment.unit: 'years' is none of days, weeks, months"),
        ('first = "after_a_spacing"', 'first = "at_once"', "repayment.first: an instalment that bears interest"),
        ("bears_interest = true", "bears_interest = 1", "repayment.bears_interest: 1 is neither"),
        ("bears_interest = true", "bears_interest = false", "interest: is not a known setting"),
        ("down_payment_basis_points = 0", "down_payment_basis_points = 10_000", "is not a whole number from 0 to 9999"),
        (
            "every = 1",
            'every = 1\nlater_shipment = "never"',
            "repayment.later_shipment: 'never' is none of in_proportion",
        ),
        ("every = 1", "every = 1\nmultiple_of_minor = { GBP = 0 }", "multiple_of_minor.GBP: is not above zero"),
        (
            "every = 1",
            "every = 1\nmultiple_of_minor = { JPY = 9 }",
            "multiple_of_minor.JPY: is no currency of late_fees",
        ),
        ('days_in_year = "365"', 'days_in_year = "366"', "interest.days_in_year: '366' is none of actual, 360"),
        ("grace_days = 5", "grace_days = -1", r"late_fees.rules\[1\].grace_days: -1 is not"),
        ('GBP = "Europe/London"', 'GBP = "Europe/Leeds"', "days.time_zone.GBP: 'Europe/Leeds' is not a time zone"),
        ('GBP = "Europe/London", ', "", "days.time_zone.GBP: is missing"),
        ('GBP = "GB-ENG", ', "", "days.calendar.GBP: is missing"),
        ('GBP = "GB-ENG"', 'GBP = "GB"', "days.calendar.GBP: .*'GB' is none of its calendars: CZ, ECB, GB-ENG, US"),
        ('GBP = "GB-ENG"', 'GBP = "overrides"', "days.calendar.GBP: .*'overrides' is none of its calendars"),
        ("calendar = {", 'calendars = "x"\ncalendar = {', "days.calendars: is not a known setting"),
        ("GBP = 600, EUR", "EUR", r"amount_minor.GBP: is missing"),
        ("GBP = 600", "GBX = 600", "GBX: is not a currency we know"),
        ("{ GBP = 1_800, EUR = 2_100, CZK = 45_000, USD = 2_100 }", "{}", "cap_per_order_minor: names no currency"),
        (
            "GBP = 1_800, ",
            "",
            r"late_fees.rules\[1\].amount_minor.GBP: is missing in late_fees.cap_per_order_minor",
        ),
        ("GBP = 1_800", "GBP = 1.8", "cap_per_order_minor.GBP: 1.8 is not"),
        ('"fees", "interest", "principal"', '"fees", "principal"', "servicing.allocation: .* each of fees, interest"),
        ('"fees", "interest", "principal"', '"fees", "fees", "principal"', "servicing.allocation: "),
        ("from_days = 0", "from_days = 2", "servicing: x-1: buckets begin at 0 days and rise"),
        ("last_instalment_first", "first", "servicing.refund_placing: 'first' is none of"),
        ('discount_earning = "repaid"', 'discount_earning = "never"', "servicing.discount_earning"),
        ("[interest]", "[interest", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path: Path, old: str, new: str, says: str) -> None:
    put(tmp_path, "x-1", **{old: new})

    with pytest.raises(TermsFileFault, match=rf"x-1\.toml: .*{says}") as fault:
        load_products(tmp_path)

    assert fault.value.user_message == str(fault.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TermsFileFault, match=r"imported-monthly-9\.toml: No such file"):
        imported_product("imported-monthly-9", tmp_path)


def test_a_due_day_that_no_month_has_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "imported-1", of="imported-monthly-1", **{"first_due_day = 12": "first_due_day = 32"})

    with pytest.raises(TermsFileFault, match="first_due_day: 32 is not a whole number from 1 to 31"):
        imported_product("imported-1", tmp_path)


def test_the_days_of_a_fixed_product_are_counted_in_begun_months() -> None:
    """`duration_months` of an order is what its product's last due makes it."""
    for product, months in FIXED_MONTHS.items():
        repayment = product_on(product, ON).repayment
        assert repayment.instalments is not None
        last = repayment.spacing.after(ON, repayment.instalments - (repayment.first == "at_once"))
        assert ON + timedelta(days=30 * (months - 1)) < last <= ON + timedelta(days=30 * months)


EXAMPLES = sorted((SHIPPED_PRODUCTS / "examples").glob("*.toml"))


@pytest.fixture(scope="module")
def serviced() -> list[ServicingTerms]:
    """How the shipped products and the examples are serviced."""
    products = [*(product_on(product, ON) for product in Product), *map(read_product, EXAMPLES)]
    return [product.servicing_terms(Currency.GBP) for product in products]


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("early_payment", set(EarlyPayment)),
        ("refund_placing", set(RefundPlacing)),
        ("discount_earning", set(DiscountEarning)),
        ("late_interest", set(LateInterest)),
        ("payoff_interest", set(PayoffInterest)),
        ("charge_off_interest", set(ChargeOffInterest)),
        ("interest_as_agreed", {False, True}),
        ("refunds_interest", {False, True}),
        ("allocate_across", {False, True}),
    ],
)
def test_each_value_of_a_setting_has_a_product_or_an_example_to_copy(
    serviced: list[ServicingTerms], setting: str, values: set[object]
) -> None:
    assert {getattr(terms, setting) for terms in serviced} == values


def test_the_examples_show_how_claims_refunds_and_goodwill_are_owed_and_paid(serviced: list[ServicingTerms]) -> None:
    assert {terms.claims.due for terms in serviced} == set(ClaimDue)
    assert any(terms.refunds_pay for terms in serviced)
    assert any(terms.goodwill_pays for terms in serviced)


def test_each_way_of_repaying_a_later_shipment_has_an_example(serviced: list[ServicingTerms]) -> None:
    assert {terms.shipments.later for terms in serviced} == set(LaterShipment)
    assert {terms.shipments.down_payment_percent for terms in serviced} == {0, 25}


def test_an_example_has_its_instalments_in_whole_pounds(tmp_path: Path) -> None:
    (tmp_path / "whole-units-1.toml").write_text((SHIPPED_PRODUCTS / "examples" / "whole-units-1.toml").read_text())
    repayment = load_products(tmp_path).version("whole-units-1").repayment

    dues = schedule(LoanTerms(Money(750_00, Currency.GBP), 3, 1200), repayment, ON)

    assert [due.amount.minor for due in dues] == [188_00, 191_00, 191_00, 190_86]


def test_only_claims_owed_with_the_next_due_say_what_they_restore(tmp_path: Path) -> None:
    put(tmp_path, "monthly-2", **{'claim_due = "original_dues"': 'claim_due = "next_due"'})

    with pytest.raises(TermsFileFault, match=r"servicing\.claim_restores: is missing"):
        load_products(tmp_path)


def test_the_command_lists_what_ships(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["products", "--json"]) == 0

    listed = [each["version"] for each in json.loads(capsys.readouterr().out)["products"]]
    assert listed == [product_on(product, ON).version for product in Product]


def test_the_command_checks_each_file_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = put(tmp_path, "monthly-2")
    bad = put(tmp_path, "monthly-3", **{'late_interest = "none"': 'late_interest = "sometimes"'})

    assert main(["products", "--check", str(bad), "--check", str(good)]) == 1

    out, err = capsys.readouterr()
    assert out.startswith("monthly-2 ")
    assert err == f"error: {bad}: servicing.late_interest: 'sometimes' is none of none, until_last_due, until_paid\n"


@pytest.mark.parametrize("file", [*SHIPPED_PRODUCTS.glob("*.toml"), *EXAMPLES], ids=lambda file: file.stem)
def test_the_page_about_terms_names_every_setting_that_a_file_has(file: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/reference/product-terms.md").read_text()
    settings = tomllib.loads(file.read_text())
    imported = {"annual_rate_basis_points", "first_due_day"}  # of loans that others granted
    names = {
        name for table in (settings, *(each for each in settings.values() if isinstance(each, dict))) for name in table
    }

    assert {name for name in names - imported if f"`{name}`" not in page and f"[{name}]" not in page} == set()


def test_flat_instalments_are_not_made_level_again(tmp_path: Path) -> None:
    changes = {'method = "declining_balance"': 'method = "flat"', "every = 1": 'every = 1\nlater_shipment = "own_term"'}
    put(tmp_path, "monthly-1", **changes)

    with pytest.raises(TermsFileFault, match=r"repayment\.later_shipment: flat instalments are not made level again"):
        load_products(tmp_path)
