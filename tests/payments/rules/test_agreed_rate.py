"""Rates agreed with our banks: the newest one counts, a file that cannot hold is refused by its entry."""

from datetime import date
from pathlib import Path

import pytest

from ledger.money import Currency, Money
from payments.rules.agreed_rate import RATES, AgreedRateFault, AgreedRates, load_rates

DAY = date(2026, 3, 10)


def changed(folder: Path, before: str, now: str) -> AgreedRates:
    path = folder / "rates.toml"
    assert before in RATES.read_text()
    path.write_text(RATES.read_text().replace(before, now, 1))
    return load_rates(path)


def test_the_newest_rate_of_a_day_counts_and_none_before_the_first(tmp_path: Path) -> None:
    newer = (
        '[[rates]]\nsold = "EUR"\nbought = "GBP"\nrate = "0.9"\nvalid_from = 2026-03-10\ntolerance_basis_points = 0\n'
    )
    rates = changed(tmp_path, 'version = "rates-1"', f'version = "rates-1"\n{newer}')
    days = [date(2025, 12, 31), date(2026, 3, 9), DAY]
    found = [rates.on(Currency.EUR, Currency.GBP, day) for day in days]

    assert [None if each is None else each.of(Money(10_00, Currency.EUR)).minor for each in found] == [None, 8_60, 9_00]
    assert rates.on(Currency.EUR, Currency.CZK, DAY) is None


@pytest.mark.parametrize(
    ("before", "now", "entry"),
    [
        pytest.param('version = "rates-1"', "", "version", id="no version"),
        pytest.param("[[rates]]", "[[rates", "(file)", id="not TOML"),
        pytest.param('"0.8600"', '"much"', "rates 1, rate", id="no number"),
        pytest.param('"0.8600"', '"-0.86"', "rates 1, rate", id="below zero"),
        pytest.param('sold = "EUR"', 'sold = "XQX"', "rates 1, sold", id="no such currency"),
        pytest.param('sold = "EUR"', 'sold = "GBP"', "rates 1, sold", id="one currency twice"),
        pytest.param("valid_from = 2026-01-01", 'valid_from = "today"', "rates 1, valid_from", id="no day"),
        pytest.param('sold = "EUR"\n', "", "rates 1, sold", id="an entry is missing"),
        pytest.param('sold = "EUR"\n', 'sold = "EUR"\nx = 1\n', "rates 1, x", id="an entry that nothing reads"),
    ],
)
def test_rates_that_cannot_hold_are_refused_by_their_entry(tmp_path: Path, before: str, now: str, entry: str) -> None:
    with pytest.raises(AgreedRateFault) as caught:
        changed(tmp_path, before, now)

    assert str(tmp_path / "rates.toml") in caught.value.user_message
    assert entry in caught.value.user_message
