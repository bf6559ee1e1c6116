"""Exact amounts: whole numbers of a currency's smallest unit."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import EnumType, StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING

LARGEST_MINOR = 2**63 - 1  # the range of a bigint column; a larger amount raises AmountFault

_DECIMAL = re.compile(r"(?P<sign>-?)(?P<whole>[0-9]+)(?:\.(?P<part>[0-9]+))?", re.ASCII)


# The number of decimals of each currency by its code.
_EXPONENTS: dict[str, int] = tomllib.loads(files("ledger").joinpath("currencies.toml").read_text(encoding="utf-8"))


class _CurrencyType(EnumType):
    """Says to type checkers, which cannot read a file, that a code such as `Currency.GBP` is a currency."""

    if TYPE_CHECKING:

        def __getattr__(cls, code: str) -> "Currency": ...


class Currency(StrEnum, metaclass=_CurrencyType):
    """A currency by its ISO 4217 code: every active one that has a smallest unit.

    >>> [f"{each} {each.exponent}" for each in (Currency.JPY, Currency.GBP, Currency.KWD)]
    ['JPY 0', 'GBP 2', 'KWD 3']
    """

    vars().update((code, code) for code in _EXPONENTS)

    @classmethod
    def of(cls, code: str) -> "Currency | None":
        """The currency of a code in a file or message; None where there is none."""
        return cls(code) if code in _EXPONENTS else None

    @property
    def exponent(self) -> int:
        """The number of decimals of the currency."""
        return _EXPONENTS[self]


class CurrencyMismatch(ValueError):
    """Raised when amounts of two currencies are added or compared."""

    def __init__(self, one: Currency, other: Currency) -> None:
        super().__init__(f"{one} and {other} cannot be combined")


class AmountFault(ValueError):
    """Raised for an amount that is not a whole number of units, or exceeds 64 bits."""


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount, counted in the currency's smallest unit. May be negative, for example as a difference."""

    minor: int
    currency: Currency

    def __post_init__(self) -> None:
        if type(self.minor) is not int:  # rejects float, bool and the integer types of other libraries
            raise AmountFault(f"an amount is a whole number of {self.currency} units, not {self.minor!r}")
        if abs(self.minor) > LARGEST_MINOR:
            raise AmountFault(f"{self.minor} units of {self.currency} do not fit into 64 bits")

    @classmethod
    def zero(cls, currency: Currency) -> "Money":
        return cls(0, currency)

    @classmethod
    def total(cls, amounts: Iterable["Money"], currency: Currency) -> "Money":
        """The sum of the amounts; zero in that currency when there are none."""
        result = cls.zero(currency)
        for amount in amounts:
            result += amount
        return result

    @classmethod
    def parse(cls, text: str, currency: Currency) -> "Money":
        """Read a decimal as written in a file; raises AmountFault when it has more decimals than the currency.

        A currency without decimals is written without a point.

        >>> Money.parse("2452.00", Currency.CZK).minor
        245200
        >>> Money.parse("0.125", Currency.GBP)
        Traceback (most recent call last):
        ledger.money.AmountFault: '0.125' has 3 decimals, GBP has 2
        """
        match = _DECIMAL.fullmatch(text)
        if match is None:
            raise AmountFault(f"{text!r} is not a decimal amount such as 2452.00")
        part = match["part"] or ""
        if len(part) > currency.exponent:
            raise AmountFault(f"{text!r} has {len(part)} decimals, {currency} has {currency.exponent}")
        units = int(match["whole"] + part.ljust(currency.exponent, "0"))
        return cls(-units if match["sign"] else units, currency)

    def split(self, parts: int) -> list["Money"]:
        """Split the amount into parts that sum to it exactly; the first parts take the remaining units.

        >>> [part.minor for part in Money(100_00, Currency.EUR).split(3)]
        [3334, 3333, 3333]
        """
        if parts < 1:
            raise AmountFault(f"an amount is split into at least one part, not {parts}")
        share, odd = divmod(self.minor, parts)
        return [Money(share + (part < odd), self.currency) for part in range(parts)]

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._comparable(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._comparable(other), self.currency)

    def __mul__(self, times: int) -> "Money":
        if type(times) is not int:
            raise AmountFault(f"an amount is multiplied by whole numbers only, not {times!r}")
        return Money(self.minor * times, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._comparable(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._comparable(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._comparable(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._comparable(other)

    @property
    def decimal(self) -> str:
        """The number without its currency, for a column of a file that names the currency elsewhere.

        >>> Money(-5, Currency.GBP).decimal, Money(-5, Currency.JPY).decimal
        ('-0.05', '-5')
        """
        exponent = self.currency.exponent
        digits = str(abs(self.minor)).rjust(exponent + 1, "0")
        whole, part = digits[: len(digits) - exponent], digits[len(digits) - exponent :]
        return f"{'-' if self.minor < 0 else ''}{whole}{'.' if part else ''}{part}"

    def __str__(self) -> str:
        """The amount with its currency, for people to read.

        >>> str(Money(-4_50, Currency.GBP))
        '-4.50 GBP'
        """
        return f"{self.decimal} {self.currency}"

    def _comparable(self, other: "Money") -> int:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.minor
