"""The retail section of the summary: what was posted, what has no flow, and whether both make the files' turnover."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

MILLS_IN_A_PENNY = 10


@dataclass(frozen=True, slots=True)
class Retail:
    """A retailer's lines and their bridge: posted purchases, less posted refunds, with every unposted class.

    `posted_…` are read from the books and `files_minor` is counted from the files; all else comes from the lines as the
    lake has them. `open_groups` of the clearing accounts have not returned to zero when the last day has ended.
    """

    lines: int
    invoices: int
    cancellations: int
    bad_debt: int
    posted_purchases_minor: int
    posted_refunds_minor: int
    unposted_minor: Mapping[str, int]
    net_minor: int
    rounding_minor: Decimal
    files_minor: Decimal
    lines_by_class: Mapping[str, int]
    open_groups: int

    def broken(self) -> Iterator[str]:
        """Each way in which the bridge does not hold, in words."""
        bridge = self.posted_purchases_minor - self.posted_refunds_minor + sum(self.unposted_minor.values())
        if bridge != self.net_minor:
            yield f"posted and unposted retail lines come to {bridge} pennies, all lines to {self.net_minor}"
        if self.net_minor - self.rounding_minor != self.files_minor:
            exact = self.net_minor - self.rounding_minor
            yield f"the retail lines less their rounding come to {exact} pennies, the files to {self.files_minor}"
        classified = sum(self.lines_by_class.values())
        if classified != self.lines:
            yield f"{classified:,} of {self.lines:,} retail lines have a class"
        if self.open_groups:
            yield f"{self.open_groups:,} clearing groups have not returned to zero after the last day"


def bridge_rows(retail: Retail) -> list[tuple[str, int, int]]:
    """The bridge from the books to the net, one row a class that has lines: its words, its lines, its amount.

    A class whose lines come to nothing keeps its row, since no line is dropped.
    """
    rows: list[tuple[str, int, int]] = [
        ("purchases posted", retail.lines_by_class["purchase"], retail.posted_purchases_minor),
        ("refunds posted", retail.lines_by_class["refund"], -retail.posted_refunds_minor),
    ]
    for name, minor in retail.unposted_minor.items():
        if lines := retail.lines_by_class[name]:
            rows.append((f"not posted: {name.replace('_', ' ')}", lines, minor))
    return [*rows, ("net", retail.lines, retail.net_minor)]


def pennies(mills: int) -> Decimal:
    """Thousandths of a pound as pennies, exactly.

    >>> pennies(5_761_931_382)
    Decimal('576193138.2')
    """
    return Decimal(mills) / MILLS_IN_A_PENNY
