from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import LARGEST_MINOR, AmountFault, Currency, CurrencyMismatch, Money

AMOUNTS = st.integers(-LARGEST_MINOR, LARGEST_MINOR)
EXPONENTS = (Currency.JPY, Currency.GBP, Currency.KWD, Currency.CLF)  # of 0, 2, 3 and 4 decimals


@given(minor=AMOUNTS, parts=st.integers(1, 400))
def test_a_split_shares_out_the_whole_amount_within_one_unit_and_the_earliest_carry_the_odd(
    minor: int, parts: int
) -> None:
    shares = [share.minor for share in Money(minor, Currency.EUR).split(parts)]

    assert sum(shares) == minor
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


@given(minor=AMOUNTS, currency=st.sampled_from(EXPONENTS))
def test_an_amount_reads_back_from_what_it_prints(minor: int, currency: Currency) -> None:
    text, _, code = str(Money(minor, currency)).partition(" ")

    assert Money.parse(text, Currency(code)) == Money(minor, currency)
    assert Decimal(text) == Decimal(minor).scaleb(-currency.exponent, Context(prec=40))
    assert len(text.partition(".")[2]) == currency.exponent


@pytest.mark.parametrize(
    ("currency", "exponent"), [("JPY", 0), ("SEK", 2), ("NOK", 2), ("DKK", 2), ("PLN", 2), ("CHF", 2), ("KWD", 3)]
)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, exponent: int) -> None:
    assert Currency(currency).exponent == exponent


def test_every_active_currency_has_the_exponent_that_the_standard_publishes() -> None:
    published = pytest.importorskip("iso4217").Currency

    assert {each.value: each.exponent for each in Currency} == {
        each.code: each.exponent for each in published if each.exponent is not None
    }


@pytest.mark.parametrize("code", ["XXX", "gbp", "", "XAU"])
def test_what_is_no_currency_with_a_smallest_unit_is_none(code: str) -> None:
    assert Currency.of(code) is None
    with pytest.raises(ValueError, match="is not a valid Currency"):
        Currency(code)


@pytest.mark.parametrize(
    ("text", "currency", "says"),
    [("5.0", Currency.JPY, "1 decimals, JPY has 0"), ("5.0000", Currency.KWD, "4 decimals, KWD has 3")],
)
def test_an_amount_with_more_decimals_than_its_currency_is_refused(text: str, currency: Currency, says: str) -> None:
    with pytest.raises(AmountFault, match=says):
        Money.parse(text, currency)


@pytest.mark.parametrize("text", ["0.125", "1,00", "1e3", "", ".5", "1.", "--1", "+1", " 1", "1_000", "\u0661"])
def test_what_is_no_amount_of_the_currency_is_refused(text: str) -> None:
    with pytest.raises(AmountFault):
        Money.parse(text, Currency.GBP)


@pytest.mark.parametrize(("text", "minor"), [("2452.00", 245200), ("2452.5", 245250), ("7", 700), ("-0.01", -1)])
def test_an_amount_is_read_exactly(text: str, minor: int) -> None:
    assert Money.parse(text, Currency.CZK).minor == minor


@pytest.mark.parametrize("minor", [1.0, True, "1", None, LARGEST_MINOR + 1, -LARGEST_MINOR - 1])
def test_only_whole_units_within_64_bits_are_an_amount(minor: object) -> None:
    with pytest.raises(AmountFault):
        Money(minor, Currency.GBP)  # type: ignore[arg-type]


def test_amounts_of_two_currencies_are_never_combined() -> None:
    pound, crown = Money(1, Currency.GBP), Money(1, Currency.CZK)

    for combine in (lambda: pound + crown, lambda: pound - crown, lambda: pound < crown, lambda: pound >= crown):
        with pytest.raises(CurrencyMismatch):
            combine()


def test_a_sum_past_64_bits_is_refused_and_never_wraps() -> None:
    with pytest.raises(AmountFault):
        Money(LARGEST_MINOR, Currency.GBP) + Money(1, Currency.GBP)


def test_an_amount_is_multiplied_by_whole_numbers_only() -> None:
    assert Money(3, Currency.GBP) * 4 == Money(12, Currency.GBP)
    with pytest.raises(AmountFault):
        Money(3, Currency.GBP) * 0.5  # type: ignore[operator]
