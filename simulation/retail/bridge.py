"""The bridge from posted amounts to the retailer's turnover: purchases less refunds, plus each unposted class."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from simulation.retail.line import MILLS_IN_A_PENNY, Document
from simulation.retail.line_class import LineClass
from simulation.retail.order_book import OrderBook


@dataclass(frozen=True, slots=True)
class Bridge:
    """The totals of all lines. `lines_by_class` and `unposted_minor` have every class, also those without lines."""

    lines: int
    invoices: int
    cancellations: int
    bad_debt: int
    posted_purchases_minor: int
    posted_refunds_minor: int
    unposted_minor: Mapping[LineClass, int]
    lines_by_class: Mapping[LineClass, int]
    exact_mills: int

    @property
    def net_minor(self) -> int:
        """The turnover in pence: the sum of the bridge."""
        return self.posted_purchases_minor - self.posted_refunds_minor + sum(self.unposted_minor.values())

    @property
    def rounding_minor(self) -> Decimal:
        """The effect of rounding each line to the penny on the exact turnover, possibly a fraction of a penny."""
        return Decimal(self.net_minor * MILLS_IN_A_PENNY - self.exact_mills) / MILLS_IN_A_PENNY


def bridge(book: OrderBook) -> Bridge:
    """Purchases and refunds as posted, and the other classes line by line."""
    lines: Counter[LineClass] = Counter()
    minor: Counter[LineClass] = Counter()
    for each in book.lines:
        lines[each.line_class] += 1
        minor[each.line_class] += each.line.amount_minor
    invoices = {(each.line.document, each.line.order_id) for each in book.lines}
    kinds = Counter(document for document, _ in invoices)
    return Bridge(
        lines=len(book.lines),
        invoices=kinds[Document.SALE],
        cancellations=kinds[Document.CANCELLATION],
        bad_debt=lines[LineClass.BAD_DEBT],
        posted_purchases_minor=sum(purchase.amount.minor for purchase in book.purchases),
        posted_refunds_minor=sum(refund.amount.minor for refund in book.refunds),
        unposted_minor={each: minor[each] for each in LineClass if not each.is_posted},
        lines_by_class={each: lines[each] for each in LineClass},
        exact_mills=sum(each.line.exact_mills for each in book.lines),
    )
