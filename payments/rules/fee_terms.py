"""What a provider may charge by contract, read from a versioned policy file, and the fee that it makes of a payout."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from ledger.money import Currency, Money
from payments.line_key import LineKind
from terminal.fault import Fault

FEES = Path(__file__).parents[1] / "policies" / "fees-1.toml"
_PART = 10_000  # basis points in a whole


class FeeTermsFault(Fault):
    """Raised for a file of fees that cannot be used; names the file and the entry."""

    def __init__(self, path: Path, entry: str, reason: str) -> None:
        super().__init__(f"{path}: {entry}: {reason}")


class Charged(StrEnum):
    """What a percentage is taken of and rounded: each item by itself, or the sum of a payout."""

    ITEM = "item"
    PAYOUT = "payout"


class Rounding(StrEnum):
    """How a percentage becomes whole minor units."""

    DOWN = "down"
    UP = "up"
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


def percentage_of(minor: int, basis_points: int, rounding: Rounding) -> int:
    """So many basis points of an amount above zero, in whole minor units. A negative rate gives a fee back.

    >>> [percentage_of(12_250, 140, rounding) for rounding in Rounding]
    [171, 172, 172, 172]
    >>> percentage_of(12_250, -140, Rounding.DOWN)
    -171
    """
    whole, rest = divmod(minor * abs(basis_points), _PART)
    up = {
        Rounding.DOWN: False,
        Rounding.UP: rest > 0,
        Rounding.HALF_UP: 2 * rest >= _PART,
        Rounding.HALF_EVEN: 2 * rest > _PART or (2 * rest == _PART and whole % 2 == 1),
    }[rounding]
    return (whole + up) * (1 if basis_points >= 0 else -1)


@dataclass(frozen=True, slots=True)
class ItemFee:
    """The fee of one kind of item: a percentage and a fixed amount by currency. Negative figures give a fee back."""

    basis_points: int
    fixed: Mapping[Currency, Money]


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """The fees agreed with a provider for a rail from a day on. `smallest` is the least that an item or payout costs.

    `tolerance`: the difference in the whole fee of a payout that is no matter, by currency.
    """

    version: str
    provider: str
    rail: str
    valid_from: date
    charged: Charged
    rounding: Rounding
    smallest: Mapping[Currency, Money]
    tolerance: Mapping[Currency, Money]
    items: Mapping[LineKind, ItemFee]

    def expected(self, parts: Iterable[tuple[LineKind, Money]], currency: Currency) -> Money:
        """The fee of a payout with these parts; negative if more is given back than charged.

        A kind of item without a fee, and a currency in which nothing is agreed, cost nothing.
        """
        items = [(kind, amount.minor) for kind, amount in parts if currency in self._currencies(kind)]
        least = self.smallest.get(currency, Money.zero(currency)).minor
        fixed = [self.items[kind].fixed[currency].minor for kind, _ in items]
        if self.charged is Charged.ITEM:
            percent = [percentage_of(minor, self.items[kind].basis_points, self.rounding) for kind, minor in items]
            fees = [one + other for one, other in zip(percent, fixed, strict=True)]
            return Money(sum(max(fee, least) if fee > 0 else fee for fee in fees), currency)
        by_rate: dict[int, int] = {}
        for kind, minor in items:
            by_rate[self.items[kind].basis_points] = by_rate.get(self.items[kind].basis_points, 0) + minor
        whole = sum(percentage_of(minor, rate, self.rounding) for rate, minor in by_rate.items()) + sum(fixed)
        return Money(max(whole, least) if items and whole > 0 else whole, currency)

    def _currencies(self, kind: LineKind) -> Mapping[Currency, Money]:
        return self.items[kind].fixed if kind in self.items else {}


@dataclass(frozen=True, slots=True)
class AgreedFees:
    """The fees of every provider, newest terms last."""

    terms: tuple[FeeTerms, ...]

    def on(self, provider: str, rail: str, day: date) -> FeeTerms | None:
        """The terms in force on a day; None where nothing was agreed."""
        found = [t for t in self.terms if (t.provider, t.rail) == (provider, rail) and t.valid_from <= day]
        return found[-1] if found else None


def load_fees(path: Path = FEES) -> AgreedFees:
    """Read a file of fees; raises FeeTermsFault that names the entry."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise FeeTermsFault(path, "(file)", str(error)) from error
    version, listed = entries.get("version"), entries.get("terms", [])
    if not isinstance(version, str):
        raise FeeTermsFault(path, "version", "is missing")
    terms = [_terms(path, version, number, entry) for number, entry in enumerate(listed, 1)]
    if len({(each.provider, each.rail, each.valid_from) for each in terms}) < len(terms):
        raise FeeTermsFault(path, "terms", "two of one provider, rail and day")
    return AgreedFees(tuple(sorted(terms, key=lambda each: each.valid_from)))


def _terms(path: Path, version: str, number: int, entry: Mapping[str, Any]) -> FeeTerms:
    name = "provider"

    def read(field: str, convert: Callable[[Any], Any]) -> Any:
        nonlocal name
        name = field
        return convert(entry[field])

    try:
        terms = FeeTerms(
            version=version,
            provider=read("provider", str),
            rail=read("rail", str),
            valid_from=read("valid_from", _day),
            charged=read("charged", Charged),
            rounding=read("rounding", Rounding),
            smallest=read("smallest", amounts_by_currency),
            tolerance=read("tolerance", amounts_by_currency),
            items=read("items", _items),
        )
    except (KeyError, TypeError, ValueError) as error:
        reason = "is missing" if error.args == (name,) else str(error)
        raise FeeTermsFault(path, f"terms {number}, {name}", reason) from error
    if unknown := set(entry) - set(FeeTerms.__dataclass_fields__):
        raise FeeTermsFault(path, f"terms {number}, {min(unknown)}", "is not an entry of terms")
    return terms


def _day(value: Any) -> date:
    if type(value) is not date:
        raise ValueError(f"{value!r} is not a day")
    return value


def amounts_by_currency(values: Mapping[str, str]) -> dict[Currency, Money]:
    """Amounts as policy files write them: decimals by currency. Raises ValueError.

    >>> amounts_by_currency({"GBP": "0.20"})[Currency.GBP].minor
    20
    """
    found = {}
    for code, text in values.items():
        currency = Currency.of(code)
        if currency is None:
            raise ValueError(f"{code!r} is not a currency we know")
        found[currency] = Money.parse(text, currency)
    return found


def _items(values: Mapping[str, Any]) -> dict[LineKind, ItemFee]:
    found = {}
    for kind, item in values.items():
        basis_points = item["basis_points"]
        if type(basis_points) is not int:
            raise ValueError(f"{basis_points!r} is not a whole number of basis points")
        found[LineKind(kind)] = ItemFee(basis_points, amounts_by_currency(item["fixed"]))
    return found
