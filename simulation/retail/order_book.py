"""A retailer's invoices as purchases and refunds: every line classified, every refund linked to one purchase.

A refund links to the customer's latest earlier purchase of the item with enough left to take back. Earlier is by
invoice time, then by the order of the file; an item is its stock code, ignoring case; goods on a line can be taken back
at most once. A refund larger than every single purchase is not divided.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ledger.money import Currency, Money
from simulation.retail.line import RetailLine
from simulation.retail.line_class import LineClass, class_alone
from simulation.retail.stock_codes import StockCodes

CURRENCY = Currency.GBP


@dataclass(frozen=True, slots=True)
class Purchase:
    """The goods that a customer bought on one invoice: one order, one plan."""

    order_id: str
    shopper_id: str
    ordered_on: date
    occurred_at: datetime
    amount: Money


@dataclass(frozen=True, slots=True)
class RetailRefund:
    """The goods of one order taken back by one cancellation, timed by the last of its lines."""

    refund_id: str
    order_id: str
    shopper_id: str
    refunded_on: date
    occurred_at: datetime
    amount: Money


@dataclass(frozen=True, slots=True)
class ClassifiedLine:
    """A line with its class, and for a refund the purchase it is taken from."""

    line: RetailLine
    line_class: LineClass
    taken_from: RetailLine | None = None


@dataclass(frozen=True, slots=True)
class OrderBook:
    """All lines of all days, classified, and the posted purchases and refunds in the order of time."""

    lines: tuple[ClassifiedLine, ...]
    purchases: tuple[Purchase, ...]
    refunds: tuple[RetailRefund, ...]

    @property
    def first_day(self) -> date:
        """The day of the first line; at least one line is required."""
        return min(each.line.ordered_on for each in self.lines)

    @property
    def last_day(self) -> date:
        """The day of the last line."""
        return max(each.line.ordered_on for each in self.lines)


def order_book(lines: Iterable[RetailLine], codes: StockCodes, smallest: Money) -> OrderBook:
    """Classify every line; an invoice whose purchases sum to less than `smallest` has no plan."""
    in_order = sorted(lines, key=lambda line: (line.occurred_at, line.ordered_on, line.number, line.order_id))
    alone = [(line, class_alone(line, codes)) for line in in_order]
    sold: dict[str, int] = defaultdict(int)
    for line, found in alone:
        if found is LineClass.PURCHASE:
            sold[line.order_id] += line.amount_minor
    too_small = {order_id for order_id, minor in sold.items() if minor < smallest.minor}
    classified = tuple(_linked(alone, too_small))
    return OrderBook(classified, _purchases(classified), _refunds(classified))


@dataclass(slots=True)
class _Sold:
    """A line of goods sold, and how much of it can still be taken back."""

    line: RetailLine
    rest_minor: int


def _linked(alone: Sequence[tuple[RetailLine, LineClass]], too_small: set[str]) -> Iterable[ClassifiedLine]:
    bought: dict[tuple[str | None, str], list[_Sold]] = defaultdict(list)
    for line, found in alone:
        item = line.shopper_id, line.stock_code.upper()
        if found is LineClass.PURCHASE and line.order_id in too_small:
            yield ClassifiedLine(line, LineClass.SALE_TOO_SMALL)
        elif found is LineClass.PURCHASE:
            bought[item].append(_Sold(line, line.amount_minor))
            yield ClassifiedLine(line, found)
        elif found is LineClass.REFUND:
            yield _taken_back(line, bought.get(item, []))
        else:
            yield ClassifiedLine(line, found)


def _taken_back(line: RetailLine, bought: list[_Sold]) -> ClassifiedLine:
    back = -line.amount_minor
    for sold in reversed(bought):
        if sold.rest_minor >= back:
            sold.rest_minor -= back
            return ClassifiedLine(line, LineClass.REFUND, sold.line)
    nothing_left = LineClass.CANCELLATION_BEYOND_PURCHASE if bought else LineClass.CANCELLATION_UNLINKED
    return ClassifiedLine(line, nothing_left)


def _purchases(classified: Iterable[ClassifiedLine]) -> tuple[Purchase, ...]:
    orders: dict[str, list[RetailLine]] = defaultdict(list)
    for each in classified:
        if each.line_class is LineClass.PURCHASE:
            orders[each.line.order_id].append(each.line)
    return tuple(
        Purchase(
            order_id=order_id,
            shopper_id=_shopper(lines[0]),
            ordered_on=lines[0].ordered_on,
            occurred_at=lines[0].occurred_at,
            amount=Money(sum(line.amount_minor for line in lines), CURRENCY),
        )
        for order_id, lines in orders.items()
    )


def _refunds(classified: Iterable[ClassifiedLine]) -> tuple[RetailRefund, ...]:
    taken: dict[tuple[str, str], list[RetailLine]] = defaultdict(list)
    for each in classified:
        if each.taken_from is not None:
            taken[each.line.order_id, each.taken_from.order_id].append(each.line)
    refunds = [
        RetailRefund(
            refund_id=f"{cancellation}-{order_id}",
            order_id=order_id,
            shopper_id=_shopper(lines[-1]),
            refunded_on=lines[-1].ordered_on,
            occurred_at=lines[-1].occurred_at,
            amount=Money(-sum(line.amount_minor for line in lines), CURRENCY),
        )
        for (cancellation, order_id), lines in taken.items()
    ]
    return tuple(sorted(refunds, key=lambda refund: (refund.occurred_at, refund.refund_id)))


def _shopper(line: RetailLine) -> str:
    assert line.shopper_id is not None, f"{line.order_id}: a posted line has a customer"
    return line.shopper_id
