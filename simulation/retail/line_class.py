"""The class of every line, by a written rule: the first one that fits, in the order in which they stand here.

Two classes are posted: a purchase becomes part of a plan, a refund shrinks one. The others have no flow and stand in
the bridge from the retailer's turnover to ours with their own amounts.
"""

from enum import StrEnum

from simulation.retail.line import Document, Line
from simulation.retail.stock_codes import Kind, StockCodes


class LineClass(StrEnum):
    """What becomes of a line."""

    BAD_DEBT = "bad_debt"
    """A booking of the retailer's own on an A invoice."""
    STOCK_ADJUSTMENT = "stock_adjustment"
    """Goods written off: a sale of a negative quantity that costs nothing."""
    FREE_OF_CHARGE = "free_of_charge"
    """Any other line that costs nothing."""
    UNDER_A_PENNY = "under_a_penny"
    """It costs something, and rounds to nothing."""
    NEGATIVE_SALE = "negative_sale"
    """A sale that gives money back without being a cancellation."""
    POSITIVE_CANCELLATION = "positive_cancellation"
    """A cancellation that takes money."""
    SALE_NOT_GOODS = "sale_not_goods"
    """Postage, fees, discounts, vouchers: we finance goods."""
    CANCELLATION_NOT_GOODS = "cancellation_not_goods"
    """The same, taken back."""
    UNKNOWN_CODE = "unknown_code"
    """Nobody has said yet whether the code stands for goods."""
    SALE_WITHOUT_CUSTOMER = "sale_without_customer"
    """Nobody is there who could owe it."""
    CANCELLATION_WITHOUT_CUSTOMER = "cancellation_without_customer"
    """Nobody is there to whom it could go back."""
    SALE_TOO_SMALL = "sale_too_small"
    """All purchases of its invoice together cannot be divided into the instalments of the product."""
    PURCHASE = "purchase"
    """Posted: goods sold to a known customer."""
    CANCELLATION_UNLINKED = "cancellation_unlinked"
    """The customer bought no such item earlier, as far as we know."""
    CANCELLATION_BEYOND_PURCHASE = "cancellation_beyond_purchase"
    """The customer bought it earlier, but no purchase has so much left to take back."""
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


def class_alone(line: Line, codes: StockCodes) -> LineClass:
    """The class as far as the line itself tells it; a purchase may be too small yet, a refund must still be linked."""
    if line.document is Document.BAD_DEBT:
        return LineClass.BAD_DEBT
    sale = line.document is Document.SALE
    if line.amount_minor == 0:
        return _of_nothing(line)
    if (line.amount_minor > 0) is not sale:
        return LineClass.NEGATIVE_SALE if sale else LineClass.POSITIVE_CANCELLATION
    kind = codes.kind(line.stock_code)
    if kind is Kind.UNKNOWN:
        return LineClass.UNKNOWN_CODE
    return _of_goods(line) if kind is Kind.GOODS else _NOT_GOODS[line.document]


def _of_goods(line: Line) -> LineClass:
    if line.shopper_id is None:
        return _WITHOUT_CUSTOMER[line.document]
    return LineClass.PURCHASE if line.document is Document.SALE else LineClass.REFUND


def _of_nothing(line: Line) -> LineClass:
    if line.exact_mills != 0:
        return LineClass.UNDER_A_PENNY
    written_off = line.document is Document.SALE and line.quantity < 0
    return LineClass.STOCK_ADJUSTMENT if written_off else LineClass.FREE_OF_CHARGE
