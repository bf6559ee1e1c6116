"""Lines of invoices for tests: what matters is said, the rest is one pound's worth of lanterns on a Wednesday."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count

from simulation.retail.line import Document, RetailLine

WEDNESDAY = date(2010, 12, 1)
OPENS = datetime(2010, 12, 1, 8, tzinfo=UTC)
_numbers = count(1)


def a_sale(
    order_id: str = "536365",
    *,
    minute: int = 0,
    shopper: str | None = "17850",
    code: str = "71053",
    quantity: int = 10,
    mills: int = 1000,
) -> RetailLine:
    """A line of a sale; later ones come later in the file."""
    at = OPENS + timedelta(minutes=minute)
    return RetailLine(order_id, Document.SALE, at.date(), next(_numbers), at, shopper, code, quantity, mills)


def a_cancellation(
    order_id: str = "C536379",
    *,
    minute: int = 60,
    shopper: str | None = "17850",
    code: str = "71053",
    quantity: int = -10,
    mills: int = 1000,
) -> RetailLine:
    """A line of a cancellation."""
    at = OPENS + timedelta(minutes=minute)
    return RetailLine(order_id, Document.CANCELLATION, at.date(), next(_numbers), at, shopper, code, quantity, mills)


def bad_debt(mills: int = -11_062_060) -> RetailLine:
    """A line of an A invoice."""
    return RetailLine("A563185", Document.BAD_DEBT, WEDNESDAY, next(_numbers), OPENS, None, "B", 1, mills)
