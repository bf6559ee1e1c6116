import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import LARGEST_MINOR, AmountFault, Currency, CurrencyMismatch, Money

AMOUNTS = st.integers(-LARGEST_MINOR, LARGEST_MINOR)


@given(minor=AMOUNTS, parts=st.integers(1, 400))
def test_a_split_shares_out_the_whole_amount_within_one_unit_and_the_earliest_carry_the_odd(
    minor: int, parts: int
) -> None:
    shares = [share.minor for share in Money(minor, Currency.EUR).split(parts)]

    assert sum(shares) == minor
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


@given(minor=AMOUNTS)
def test_an_amount_reads_back_from_what_it_prints(minor: int) -> None:
    text, _, code = str(Money(minor, Currency.CZK)).partition(" ")

    assert Money.parse(text, Currency(code)) == Money(minor, Currency.CZK)


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
