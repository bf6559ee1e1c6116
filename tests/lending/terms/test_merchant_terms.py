"""What a merchant agreed on: its own terms before those of all, amounts to the unit, days of paying."""

from datetime import date
from pathlib import Path

import pytest

from ledger.money import Currency, Money
from lending.terms.merchant_terms import SHIPPED_TERMS, NoMerchantTerms, load_merchant_terms, merchant_terms_on
from lending.terms.terms_file import TermsFileFault

ON = date(2026, 1, 31)
SHIPPED = (SHIPPED_TERMS / "default-1.toml").read_text()


def pounds(minor: int) -> Money:
    return Money(minor, Currency.GBP)


def put(folder: Path, version: str, *changes: tuple[str, str]) -> None:
    text = SHIPPED.replace('version = "default-1"', f'version = "{version}"')
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    (folder / f"{version}.toml").write_text(text)


@pytest.mark.parametrize(("purchase", "discount"), [(100_00, 5_00), (9, 0), (10, 1), (29, 1), (30, 2)])
def test_the_discount_is_rounded_to_the_nearest_unit(purchase: int, discount: int) -> None:
    assert merchant_terms_on("m-1", ON).merchant_discount(pounds(purchase)).minor == discount


def test_a_purchase_of_100_at_5_percent_and_20_percent_tax_leaves_the_merchant_94(tmp_path: Path) -> None:
    put(
        tmp_path,
        "default-1",
        ("vat_basis_points = 0", "vat_basis_points = 2_000"),
        ("[reserve]\nbasis_points = 0", "[reserve]\nbasis_points = 1_000"),
        ("days = 0", "days = 90"),
    )
    terms = load_merchant_terms(tmp_path).on("m-1", ON)

    discount = terms.merchant_discount(pounds(100_00))
    payable = terms.payable(pounds(100_00))
    assert (discount.minor, terms.tax(discount).minor, payable.minor) == (5_00, 1_00, 94_00)
    assert terms.reserve(payable).minor == 9_40
    assert str(terms.released_on(ON)) == "2026-05-01"


def test_a_merchants_own_terms_come_before_those_of_all(tmp_path: Path) -> None:
    until_june = "effective_from = 2026-01-01\neffective_until = 2026-06-30"
    put(tmp_path, "default-1")
    put(
        tmp_path,
        "m-7-1",
        ("effective_from = 1993-01-01", f'merchant_id = "m-7"\n{until_june}'),
        ("basis_points = 500", "basis_points = 250"),
    )
    terms = load_merchant_terms(tmp_path)

    assert terms.on("m-7", date(2026, 6, 30)).version == "m-7-1"
    assert terms.on("m-7", date(2026, 7, 1)).version == "default-1"
    assert terms.on("m-8", ON).version == "default-1"
    with pytest.raises(NoMerchantTerms, match="m-8 has no terms on 1992-12-31"):
        terms.on("m-8", date(1992, 12, 31))


def test_two_versions_of_one_day_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "default-1")
    put(tmp_path, "default-2", ("effective_from = 1993-01-01", "effective_from = 2026-01-01"))

    with pytest.raises(TermsFileFault, match=r"default-2\.toml: effective_from: 2026-01-01 is within default-1 of all"):
        load_merchant_terms(tmp_path)


@pytest.mark.parametrize(
    ("purchased_on", "paid_on"),
    [
        pytest.param("2026-01-28", "2026-01-30", id="two days after"),
        pytest.param("2026-01-29", "2026-02-02", id="over a weekend"),
        pytest.param("2026-04-01", "2026-04-07", id="over Easter"),
    ],
)
def test_a_merchant_is_paid_on_a_weekday_of_paying_that_is_no_holiday(purchased_on: str, paid_on: str) -> None:
    terms = merchant_terms_on("m-1", ON)

    assert str(terms.settled_on(date.fromisoformat(purchased_on), Currency.GBP)) == paid_on


@pytest.mark.parametrize(
    ("currency", "paid_on"),
    [
        (Currency.GBP, "2026-12-29"),  # the Monday stands in for Boxing Day
        (Currency.EUR, "2026-12-28"),
        (Currency.SEK, "2026-12-25"),  # no calendar is agreed on
    ],
)
def test_no_payout_is_made_on_a_bank_holiday_of_its_currency(currency: Currency, paid_on: str) -> None:
    christmas = date(2026, 12, 25)
    terms = merchant_terms_on("m-1", ON)

    assert str(terms.settled_on(date(2026, 12, 23), currency)) == paid_on
    assert terms.pays_on(christmas, currency) is (currency is Currency.SEK)


def test_a_merchant_may_be_paid_once_a_week(tmp_path: Path) -> None:
    weekdays = SHIPPED[SHIPPED.index("weekdays") : SHIPPED.index("]  # on which")] + "]"
    put(tmp_path, "default-1", (weekdays, 'weekdays = ["friday"]'))

    assert str(load_merchant_terms(tmp_path).on("m-1", ON).settled_on(date(2026, 1, 28), Currency.GBP)) == "2026-01-30"
    assert str(load_merchant_terms(tmp_path).on("m-1", ON).settled_on(date(2026, 1, 29), Currency.GBP)) == "2026-02-06"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "basis_points = 500",
            "basis_points = 10_001",
            "discount.basis_points: 10001 is not a whole number from 0 to 10000",
        ),
        (
            "basis_points = 500",
            "basis_points = 0.5",
            "discount.basis_points: 0.5 is not a whole number from 0 to 10000",
        ),
        ("kept_on_refund = false", "", "discount.kept_on_refund: is missing"),
        ("kept_on_refund = false", 'kept_on_refund = "no"', "discount.kept_on_refund: 'no' is neither"),
        ("days = 2 ", "days = -2 ", "settlement.days: -2 is not"),
        ('"monday", ', '"mon", ', "settlement.weekdays: .* is not some of monday"),
        ('"monday", ', '"friday", ', "settlement.weekdays: .* is not some of monday"),
        ("[reserve]", "[reserves]", "reserve: is missing"),
        ('version = "x-1"', 'version = "x-1"\nmerchant_id = ""', "merchant_id: '' is not a text"),
        ('version = "x-1"', 'version = "x-1"\nnote = "x"', "note: is not a known setting"),
        ('version = "x-1"', 'version = "x-1"\nid_format = "["', "id_format: '.' is no regular expression"),
        ('version = "x-1"', 'version = "x-1"\ndiscount = 1', "is not TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path: Path, old: str, new: str, says: str) -> None:
    put(tmp_path, "x-1", (old, new))

    with pytest.raises(TermsFileFault, match=rf"x-1\.toml: .*{says}"):
        load_merchant_terms(tmp_path)


def test_a_discount_that_with_its_tax_is_more_than_the_purchase_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "x-1", ("= 500", "= 9_000"), ("vat_basis_points = 0", "vat_basis_points = 2_000"))

    with pytest.raises(TermsFileFault, match="more than the purchase"):
        load_merchant_terms(tmp_path)
