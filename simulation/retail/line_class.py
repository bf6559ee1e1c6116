"""Classifies lines by written rules: the first rule that fits, in the order of the classes here.

Two classes are posted: a purchase becomes part of a plan, and a refund reduces one. The others have no flow; their
amounts are listed in the bridge from the posted amounts to the retailer's turnover.
"""

from enum import StrEnum

from simulation.retail.line import Document, RetailLine
from simulation.retail.stock_codes import StockCodes, StockKind


class LineClass(StrEnum):
    """How a line is treated."""

    BAD_DEBT = "bad_debt"
    """An internal booking of the retailer on an A invoice."""
    STOCK_ADJUSTMENT = "stock_adjustment"
    """Goods written off: a sale with a negative quantity and an amount of zero."""
    FREE_OF_CHARGE = "free_of_charge"
    """Any other line with an amount of zero."""
    UNDER_A_PENNY = "under_a_penny"
    """An amount that rounds to zero pence."""
    NEGATIVE_SALE = "negative_sale"
    """A sale with a negative amount that is no cancellation."""
    POSITIVE_CANCELLATION = "positive_cancellation"
    """A cancellation with a positive amount."""
    SALE_NOT_GOODS = "sale_not_goods"
    """Postage, fees, discounts, vouchers: only goods are financed."""
    CANCELLATION_NOT_GOODS = "cancellation_not_goods"
    """A cancellation of postage, fees, discounts or vouchers."""
    UNKNOWN_CODE = "unknown_code"
    """A stock code not yet listed as goods or no goods."""
    SALE_WITHOUT_CUSTOMER = "sale_without_customer"
    """A sale without a customer, who would owe it."""
    CANCELLATION_WITHOUT_CUSTOMER = "cancellation_without_customer"
    """A cancellation without a customer, who would be refunded."""
    SALE_TOO_SMALL = "sale_too_small"
    """All purchases of the invoice together are too small for the product's instalments."""
    PURCHASE = "purchase"
    """Posted: goods sold to a known customer."""
    CANCELLATION_UNLINKED = "cancellation_unlinked"
    """No earlier purchase of the item by the customer is known."""
    CANCELLATION_BEYOND_PURCHASE = "cancellation_beyond_purchase"
    """The customer bought it earlier, but no single purchase has enough left to take back."""
    REFUND = "refund"
    """Posted: taken back from one earlier purchase."""

    @property
    def is_posted(self) -> bool:
        return self in (LineClass.PURCHASE, LineClass.REFUND)


_NOT_GOODS = {
    Document.SALE: LineClass.SALE_NOT_GOODS,
    Document.CANCELLATION: LineClass.CANCELLATION_NOT_GOODS,
}
_WITHOUT_CUSTOMER = {
    Document.SALE: LineClass.SALE_WITHOUT_CUSTOMER,
    Document.CANCELLATION: LineClass.CANCELLATION_WITHOUT_CUSTOMER,
}


def class_alone(line: RetailLine, codes: StockCodes) -> LineClass:
    """The class by the line alone; whether a purchase is large enough and a refund can be linked is decided later."""
    if line.document is Document.BAD_DEBT:
        return LineClass.BAD_DEBT
    sale = line.document is Document.SALE
    if line.amount_minor == 0:
        return _of_nothing(line)
    if (line.amount_minor > 0) is not sale:
        return LineClass.NEGATIVE_SALE if sale else LineClass.POSITIVE_CANCELLATION
    kind = codes.kind(line.stock_code)
    if kind is StockKind.UNKNOWN:
        return LineClass.UNKNOWN_CODE
    return _of_goods(line) if kind is StockKind.GOODS else _NOT_GOODS[line.document]


def _of_goods(line: RetailLine) -> LineClass:
    if line.shopper_id is None:
        return _WITHOUT_CUSTOMER[line.document]
    return LineClass.PURCHASE if line.document is Document.SALE else LineClass.REFUND


def _of_nothing(line: RetailLine) -> LineClass:
    if line.exact_mills != 0:
        return LineClass.UNDER_A_PENNY
    written_off = line.document is Document.SALE and line.quantity < 0
    return LineClass.STOCK_ADJUSTMENT if written_off else LineClass.FREE_OF_CHARGE
