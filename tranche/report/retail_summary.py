"""The retail section of the summary: posted and unposted amounts, and whether they sum to the files' turnover."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

MILLS_IN_A_PENNY = 10


@dataclass(frozen=True, slots=True)
class Retail:
    """A retailer's lines and their bridge: posted purchases, less posted refunds, with every unposted class.

    `posted_…` are read from the books, `files_minor` is computed from the files, and all other figures are from the
    lines in the lake. `open_groups` is the number of clearing groups that are not zero at the end of the last day.
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
        """Each failed check of the bridge, in words."""
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
    """The bridge from the books to the net turnover: for each class with lines its name, number of lines, and amount.

    A class whose lines sum to zero has a row too, so that every line is counted.
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
    """Thousandths of a pound in pennies, exactly.

    >>> pennies(5_761_931_382)
    Decimal('576193138.2')
    """
    return Decimal(mills) / MILLS_IN_A_PENNY
