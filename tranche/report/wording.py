"""Format figures in the way that finance people write them."""

from decimal import Decimal

from ledger.money import Currency

MINUS = "\N{MINUS SIGN}"
SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}


def money(minor: int, currency: str) -> str:
    """An exact amount with its currency.

    >>> money(1234567, "GBP")
    '£12,345.67'
    >>> money(450000, "CZK"), money(-450000, "JPY"), money(450000, "KWD")
    ('4,500.00 CZK', '\N{MINUS SIGN}450,000 JPY', '450.000 KWD')
    """
    exponent = Currency(currency).exponent
    return _signed(minor, f"{Decimal(abs(minor)).scaleb(-exponent):,.{exponent}f}", currency)


def exact_money(minor: Decimal, currency: str) -> str:
    """An amount with fractions of the smallest unit, shown exactly.

    >>> exact_money(Decimal("576193138.2"), "GBP"), exact_money(Decimal(500), "CZK")
    ('£5,761,931.382', '5.00 CZK')
    >>> exact_money(Decimal(500), "JPY"), exact_money(Decimal("500.5"), "JPY")
    ('500 JPY', '500.5 JPY')
    """
    exponent = Currency(currency).exponent
    units = format(abs(minor).normalize().scaleb(-exponent), ",f")
    whole, _, parts = units.partition(".")
    parts = parts.ljust(exponent, "0")
    return _signed(minor, f"{whole}.{parts}" if parts else whole, currency)


def short_money(minor: int, currency: str) -> str:
    """A rounded amount, for the axis of a chart.

    >>> short_money(1234567, "GBP"), short_money(45_000_000_00, "CZK"), short_money(0, "GBP")
    ('£12k', '45.0m CZK', '£0')
    >>> short_money(12_345, "JPY")
    '12k JPY'
    """
    units = abs(minor) / 10 ** Currency(currency).exponent
    digits = f"{units / 1e6:.1f}m" if units >= 1e6 else f"{units / 1e3:.0f}k" if units >= 1e4 else f"{units:,.0f}"
    return _signed(minor, digits, currency)


def count(number: int) -> str:
    """A whole number with thousands separators.

    >>> count(340558)
    '340,558'
    """
    return f"{number:,}"


def share(part: int, whole: int) -> str:
    """A share in per cent.

    >>> share(1, 3), share(1, 0)
    ('33.3 %', 'n/a')
    """
    return f"{100 * part / whole:.1f} %" if whole else "n/a"


def with_code(words: str, code: str) -> str:
    """The words followed by the code, by which it can be looked up.

    >>> with_code("missing in the provider's file", "E3"), with_code("", "E99")
    ("missing in the provider's file (E3)", 'E99')
    """
    return f"{words} ({code})" if words else code


def duration(seconds: float) -> str:
    """A duration in minutes and seconds.

    >>> duration(7.26), duration(83.2)
    ('7.3 s', '1 min 23 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def _signed(minor: int | Decimal, digits: str, currency: str) -> str:
    sign = MINUS if minor < 0 else ""
    return f"{sign}{SYMBOLS[currency]}{digits}" if currency in SYMBOLS else f"{sign}{digits} {currency}"
