"""Parse rows of the Online Retail data set, with its invoice prefixes, decimal pounds and float customer ids."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
DOCUMENTS = {"": "sale", "C": "cancellation", "A": "bad_debt"}
MERCHANTS_ZONE = ZoneInfo("Europe/London")

_INVOICE = re.compile(r"([A-Z]?)[0-9]{1,12}")
_QUANTITY = re.compile(r"-?[0-9]{1,9}")
_PRICE = re.compile(r"(-?)([0-9]{1,9})(?:[.]([0-9]+))?")
_CUSTOMER = re.compile(r"([0-9]{1,12})(?:[.]0)?")


class RetailRowRefused(Exception):
    """Raised for a row that cannot become an event; the message names the column and the reason."""


class RetailRow(NamedTuple):
    """One line of an invoice. `quantity` and `unit_price_mills` have the signs of the file."""

    order_id: str
    document: str
    ordered_on: date
    number: int
    occurred_at: str
    recorded_at: str
    shopper_id: str | None
    stock_code: str
    description: str | None
    quantity: int
    unit_price_mills: int
    country: str | None


def line(fields: list[str], day: date, number: int) -> RetailRow:
    """Parse row `number` of the file of `day`; raises RetailRowRefused if it is malformed."""
    if len(fields) != len(COLUMNS):
        raise RetailRowRefused(f"has {len(fields)} columns, needed {len(COLUMNS)}")
    invoice, stock_code, description, quantity, invoiced_at, price, customer, country = fields
    if not 0 < len(stock_code) <= 64 or not stock_code.strip():
        raise RetailRowRefused(f"StockCode {stock_code!r} is not a code")
    occurred_at, recorded_at = _times(invoiced_at, day)
    return RetailRow(
        order_id=invoice,
        document=_document(invoice),
        ordered_on=day,
        number=number,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        shopper_id=_shopper(customer),
        stock_code=stock_code,
        description=description or None,
        quantity=_quantity(quantity),
        unit_price_mills=mills(price),
        country=country or None,
    )


@lru_cache(maxsize=4096)
def mills(text: str) -> int:
    """Pounds in thousandths of a pound; a fourth decimal is refused, never rounded.

    >>> mills("2.55"), mills("0.001"), mills("-11062.06")
    (2550, 1, -11062060)
    """
    found = _PRICE.fullmatch(text)
    if found is None:
        raise RetailRowRefused(f"UnitPrice {text!r} is not a price")
    sign, pounds, decimals = found.group(1), found.group(2), found.group(3) or ""
    if len(decimals) > 3:
        raise RetailRowRefused(f"UnitPrice {text!r} has {len(decimals)} decimals, at most 3 are known")
    amount = int(pounds) * 1000 + int(decimals.ljust(3, "0"))
    return -amount if sign else amount


@lru_cache(maxsize=4096)
def _document(invoice: str) -> str:
    found = _INVOICE.fullmatch(invoice)
    if found is None or found.group(1) not in DOCUMENTS:
        raise RetailRowRefused(f"InvoiceNo {invoice!r} is not digits, alone or behind C or A")
    return DOCUMENTS[found.group(1)]


def _quantity(text: str) -> int:
    if _QUANTITY.fullmatch(text) is None:
        raise RetailRowRefused(f"Quantity {text!r} is not a whole number")
    return int(text)


@lru_cache(maxsize=4096)
def _shopper(text: str) -> str | None:
    """The customer's id, which the data set has as a float such as `17850.0`; None if it is empty."""
    if not text:
        return None
    found = _CUSTOMER.fullmatch(text)
    if found is None:
        raise RetailRowRefused(f"CustomerID {text!r} is not a customer's number")
    return found.group(1)


@lru_cache(maxsize=4096)
def _times(text: str, day: date) -> tuple[str, str]:
    """The time of the invoice, and the end of the merchant's day, when the day's file was available."""
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=MERCHANTS_ZONE)
    except ValueError:
        raise RetailRowRefused(f"InvoiceDate {text!r} is not like 2010-12-01 08:26:00") from None
    if local.date() != day:
        raise RetailRowRefused(f"InvoiceDate {text!r} is not on the day of its file, {day.isoformat()}")
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), MERCHANTS_ZONE)
    return _utc(local), _utc(midnight)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%SZ}"
