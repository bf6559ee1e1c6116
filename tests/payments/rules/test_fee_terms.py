"""The fee of a payout by contract: to the minor unit, by item or by payout, from the day of its terms on."""

from datetime import date
from pathlib import Path

import pytest

from ledger.money import Currency, Money
from payments.line_key import LineKind
from payments.rules.fee_terms import FEES, FeeTerms, FeeTermsFault, load_fees
from simulation.provider import FEE_BASIS_POINTS, FEE_FIXED_MINOR
from simulation.retail.provider_account import fee_on

DAY = date(2026, 3, 10)


def gbp(minor: int) -> Money:
    return Money(minor, Currency.GBP)


def terms(folder: Path, *changes: tuple[str, str]) -> FeeTerms:
    path = folder / "fees.toml"
    text = FEES.read_text()
    for before, now in changes:
        assert before in text
        text = text.replace(before, now, 1)
    path.write_text(text)
    found = load_fees(path).on("sandbox", "card", DAY)
    assert found is not None
    return found


CAPTURES = [(LineKind.CAPTURE, gbp(33_33)), (LineKind.CAPTURE, gbp(33_33)), (LineKind.REFUND, gbp(10_00))]
BY_PAYOUT = ('charged = "item"', 'charged = "payout"')
REFUNDS = (
    "[terms.items.capture]",
    '[terms.items.refund]\nbasis_points = -140\nfixed = { GBP = "0" }\n[terms.items.capture]',
)


@pytest.mark.parametrize(
    ("changes", "fee"),
    [
        pytest.param([], 2 * (46 + 20), id="each item rounded down"),
        pytest.param([('"down"', '"up"')], 2 * (47 + 20), id="each item rounded up"),
        pytest.param([('"down"', '"half_up"')], 2 * (47 + 20), id="half a unit and more is rounded up"),
        pytest.param([BY_PAYOUT], 93 + 40, id="the sum is rounded once"),
        pytest.param([("smallest = {}", 'smallest = { GBP = "0.75" }')], 150, id="an item costs at least so much"),
        pytest.param(
            [BY_PAYOUT, ("smallest = {}", 'smallest = { GBP = "5.00" }')], 500, id="a payout at least so much"
        ),
        pytest.param([REFUNDS], 132 - 14, id="a refund gives its percentage back"),
    ],
)
def test_the_fee_of_a_payout_follows_from_its_terms(tmp_path: Path, changes: list[tuple[str, str]], fee: int) -> None:
    assert terms(tmp_path, *changes).expected(CAPTURES, Currency.GBP) == gbp(fee)


def test_nothing_is_agreed_in_a_currency_without_terms_or_before_their_day(tmp_path: Path) -> None:
    agreed = terms(tmp_path)

    assert agreed.expected([(LineKind.CAPTURE, Money(5_000, Currency.JPY))], Currency.JPY).minor == 0
    assert load_fees().on("sandbox", "card", date(1989, 12, 31)) is None
    assert load_fees().on("another", "card", DAY) is None


@pytest.mark.parametrize("minor", [1, 19, 99, 25_00, 33_33, 122_00, 10_000_01])
def test_the_simulated_providers_charge_what_the_shipped_terms_say(minor: int) -> None:
    agreed = load_fees().on("sandbox", "card", DAY)
    assert agreed is not None
    fee = agreed.expected([(LineKind.CAPTURE, gbp(minor))], Currency.GBP)

    assert fee.minor == minor * FEE_BASIS_POINTS // 10_000 + FEE_FIXED_MINOR
    assert fee_on(gbp(minor)) == min(fee, gbp(minor))


@pytest.mark.parametrize(
    ("before", "now", "entry"),
    [
        pytest.param('version = "fees-1"', "", "version", id="no version"),
        pytest.param("[[terms]]", "[[terms", "(file)", id="not TOML"),
        pytest.param('rounding = "down"', "", "rounding", id="an entry is missing"),
        pytest.param('"down"', '"away"', "rounding", id="no such rounding"),
        pytest.param("items.capture", "items.charm", "items", id="no such kind of row"),
        pytest.param("basis_points = 140", "basis_points = 1.4", "items", id="a rate that is no whole number"),
        pytest.param('GBP = "0.20"', 'GBP = "0.205"', "items", id="an amount with too many decimals"),
        pytest.param("smallest = {}", 'smallest = { XQX = "1" }', "smallest", id="no such currency"),
        pytest.param("valid_from = 1990-01-01", "valid_from = 1990", "valid_from", id="no day"),
        pytest.param("smallest = {}", "smallest = {}\nlargest = {}", "largest", id="an entry that nothing reads"),
    ],
)
def test_terms_that_cannot_hold_are_refused_by_their_entry(tmp_path: Path, before: str, now: str, entry: str) -> None:
    with pytest.raises(FeeTermsFault) as caught:
        terms(tmp_path, (before, now))

    assert str(tmp_path / "fees.toml") in caught.value.user_message
    assert entry in caught.value.user_message
