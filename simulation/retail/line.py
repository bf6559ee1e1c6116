"""A line of a retailer's invoice, with its amount rounded to the penny."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

COLUMNS = (
    "order_id", "document", "ordered_on", "line_number", "occurred_at",
    "shopper_id", "stock_code", "quantity", "unit_price_mills",
)  # fmt: skip
"""The columns read from the lake's table of order lines."""
MILLS_IN_A_PENNY = 10


class Document(StrEnum):
    """The kind of invoice that a line belongs to."""

    SALE = "sale"
    CANCELLATION = "cancellation"
    BAD_DEBT = "bad_debt"


@dataclass(frozen=True, slots=True)
class RetailLine:
    """One line of an invoice, identified by its invoice, its day, and its ordinal in that day's file."""

    order_id: str
    document: Document
    ordered_on: date
    number: int
    occurred_at: datetime
    shopper_id: str | None
    stock_code: str
    quantity: int
    unit_price_mills: int

    @property
    def exact_mills(self) -> int:
        """Quantity times price, in thousandths of a pound."""
        return self.quantity * self.unit_price_mills

    @property
    def amount_minor(self) -> int:
        """The amount in pence, half a penny rounded away from zero, so that a cancellation mirrors its sale.

        >>> from datetime import UTC
        >>> at = datetime(2011, 4, 15, 9, 27, tzinfo=UTC)
        >>> lines = [RetailLine("1", Document.SALE, at.date(), 1, at, None, "PADS", many, 15) for many in (1, 3, -1)]
        >>> [line.amount_minor for line in lines]
        [2, 5, -2]
        """
        size = (abs(self.exact_mills) + MILLS_IN_A_PENNY // 2) // MILLS_IN_A_PENNY
        return size if self.exact_mills > 0 else -size


def line_of(row: Mapping[str, Any]) -> RetailLine:
    """The line in a row of the lake."""
    return RetailLine(
        order_id=row["order_id"],
        document=Document(row["document"]),
        ordered_on=row["ordered_on"],
        number=row["line_number"],
        occurred_at=row["occurred_at"],
        shopper_id=row["shopper_id"],
        stock_code=row["stock_code"],
        quantity=row["quantity"],
        unit_price_mills=row["unit_price_mills"],
    )
