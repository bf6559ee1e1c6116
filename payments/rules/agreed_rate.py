"""Rates of exchange agreed with our banks, read from a versioned policy file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

from ledger.money import Currency, Money
from terminal.fault import Fault

RATES = Path(__file__).parents[1] / "policies" / "rates-1.toml"
_PART = 10_000  # basis points in a whole
_FIELDS = {"sold", "bought", "rate", "valid_from", "tolerance_basis_points"}


class AgreedRateFault(Fault):
    """Raised for a file of rates that cannot be used; names the file and the entry."""

    def __init__(self, path: Path, entry: str, reason: str) -> None:
        super().__init__(f"{path}: {entry}: {reason}")


@dataclass(frozen=True, slots=True)
class AgreedRate:
    """How much of one currency is bought for one unit of another, from a day on, and how far a bank may depart."""

    sold: Currency
    bought: Currency
    rate: Fraction
    valid_from: date
    tolerance_basis_points: int

    def of(self, amount: Money) -> Money:
        """What an amount buys, rounded half to even.

        >>> rate = AgreedRate(Currency.GBP, Currency.JPY, Fraction("190.5"), date(2026, 1, 1), 50)
        >>> str(rate.of(Money(10_01, Currency.GBP)))
        '1907 JPY'
        """
        shift = Fraction(10) ** (self.bought.exponent - self.sold.exponent)
        return Money(round(amount.minor * self.rate * shift), self.bought)

    def tolerates(self, sold: Money, bought: Money) -> bool:
        """Whether what was bought differs from the agreed amount by no more than is tolerated."""
        agreed = self.of(sold)
        return abs((bought - agreed).minor) * _PART <= agreed.minor * self.tolerance_basis_points


@dataclass(frozen=True, slots=True)
class AgreedRates:
    """All rates of a policy file, newest last."""

    version: str
    rates: tuple[AgreedRate, ...]

    def on(self, sold: Currency, bought: Currency, day: date) -> AgreedRate | None:
        """The rate in force on a day; None where none was agreed."""
        found = [each for each in self.rates if (each.sold, each.bought) == (sold, bought) and each.valid_from <= day]
        return found[-1] if found else None


def load_rates(path: Path = RATES) -> AgreedRates:
    """Read a file of rates; raises AgreedRateFault that names the entry."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise AgreedRateFault(path, "(file)", str(error)) from error
    version = entries.get("version")
    if not isinstance(version, str):
        raise AgreedRateFault(path, "version", "is missing")
    rates = [_rate(path, number, entry) for number, entry in enumerate(entries.get("rates", []), 1)]
    return AgreedRates(version, tuple(sorted(rates, key=lambda each: each.valid_from)))


def _rate(path: Path, number: int, entry: Mapping[str, Any]) -> AgreedRate:
    place = f"rates {number}"
    if set(entry) != _FIELDS:
        raise AgreedRateFault(path, f"{place}, {min(set(entry) ^ _FIELDS)}", "is missing, or is no entry of a rate")
    currencies = [Currency.of(str(entry[name])) for name in ("sold", "bought")]
    sold, bought = currencies
    if sold is None or bought is None or sold is bought:
        raise AgreedRateFault(path, f"{place}, sold or bought", "are not two currencies that we know")
    try:
        rate = Fraction(Decimal(entry["rate"]))
    except (InvalidOperation, TypeError, ValueError, OverflowError) as error:
        raise AgreedRateFault(path, f"{place}, rate", f"{entry['rate']!r} is not a number in quotes") from error
    points, day = entry["tolerance_basis_points"], entry["valid_from"]
    if rate <= 0 or type(points) is not int or points < 0:
        raise AgreedRateFault(path, f"{place}, rate or tolerance_basis_points", "is below zero")
    if type(day) is not date:
        raise AgreedRateFault(path, f"{place}, valid_from", f"{day!r} is not a day")
    return AgreedRate(sold, bought, rate, day, points)
