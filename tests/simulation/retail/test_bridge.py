"""The bridge from what is posted to the retailer's turnover, by hand and recounted from the real files."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import orjson
import pytest

from ledger.money import Currency, Money
from pipelines.sources.online_retail import OnlineRetail
from simulation.retail.bridge import Bridge, bridge
from simulation.retail.line import RetailLine, line_of
from simulation.retail.line_class import LineClass
from simulation.retail.order_book import order_book
from simulation.retail.stock_codes import load_stock_codes
from tests.simulation.retail.builders import a_cancellation, a_sale, bad_debt

CODES = load_stock_codes()
NOT_GOODS = {"POST", "M", "D", "BANK CHARGES", "AMAZONFEE", "CRUK", "DOT", "C2", "S", "B"}


def bridge_of(*lines: RetailLine) -> Bridge:
    return bridge(order_book(lines, CODES, Money(3, Currency.GBP)))


def test_posted_and_unposted_make_the_net_and_rounding_the_rest() -> None:
    found = bridge_of(
        a_sale(mills=1255),  # 12.55
        a_sale(quantity=1, mills=1),  # a tenth of a penny
        a_sale("536366", quantity=1, mills=1005, minute=1),  # 1.005, to 1.01
        a_sale("536367", shopper=None, quantity=-3, mills=0),
        a_cancellation(quantity=-2),
        a_cancellation("C536380", code="D", quantity=-1, mills=500),
        bad_debt(-10),
    )

    assert (found.lines, found.invoices, found.cancellations, found.bad_debt) == (7, 3, 2, 1)
    assert (found.posted_purchases_minor, found.posted_refunds_minor) == (1255 + 101, 200)
    assert {name: minor for name, minor in found.unposted_minor.items() if minor} == {
        "cancellation_not_goods": -50,
        "bad_debt": -1,
    }
    assert found.net_minor == 1255 + 101 - 200 - 50 - 1
    assert found.rounding_minor == Decimal("0.4")
    assert sum(found.lines_by_class.values()) == found.lines


def test_a_sale_and_its_cancellation_round_to_the_same_size() -> None:
    found = bridge_of(a_sale(quantity=1, mills=10_005), a_cancellation(quantity=-1, mills=10_005))

    assert (found.net_minor, found.rounding_minor) == (0, Decimal(0))


@pytest.mark.slow
def test_the_bridge_of_the_real_days_is_what_an_independent_count_finds(online_retail_days: Path) -> None:
    lines = [_as_read_back(event.body) for event in OnlineRetail(online_retail_days).read().events]
    found = bridge_of(*lines)
    told = Counter[str]()
    exact = Decimal(0)
    earlier: set[tuple[str, str]] = set()
    for row in _rows(online_retail_days):
        invoice, code, customer = row["InvoiceNo"], row["StockCode"].upper(), row["CustomerID"]
        price = int(row["Quantity"]) * Decimal(row["UnitPrice"])
        exact += price
        pennies = int((price * 100).quantize(Decimal(1), ROUND_HALF_UP))
        goods = code not in NOT_GOODS and not code.startswith("GIFT_")
        told["lines"] += 1
        told["net"] += pennies
        if pennies and goods and customer and not invoice.startswith("A"):
            back = invoice.startswith("C")
            told["cancelled" if back else "sold"] += pennies
            told["cancelled lines" if back else "sold lines"] += 1
            told["unlinked lines"] += int(back and (customer, code) not in earlier)
            if not back:
                earlier.add((customer, code))

    assert (found.lines, found.net_minor) == (told["lines"], told["net"])
    assert Decimal(found.net_minor) - found.rounding_minor == exact * 100
    assert found.posted_purchases_minor == told["sold"]
    classes, minor = found.lines_by_class, found.unposted_minor
    assert classes[LineClass.PURCHASE] == told["sold lines"]
    assert classes[LineClass.CANCELLATION_UNLINKED] == told["unlinked lines"]
    back_again = (LineClass.REFUND, LineClass.CANCELLATION_UNLINKED, LineClass.CANCELLATION_BEYOND_PURCHASE)
    assert sum(classes[name] for name in back_again) == told["cancelled lines"]
    assert -found.posted_refunds_minor + sum(minor[name] for name in back_again[1:]) == told["cancelled"]
    if found.lines == 320_705:  # the days that the data set's own page counts
        assert (found.invoices, found.cancellations, found.bad_debt) == (13_902, 2_554, 3)
        assert exact == Decimal("5761931.382")


def _rows(folder: Path) -> Iterator[dict[str, str]]:
    for file in sorted(folder.glob("*.csv.gz")):
        with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
            yield from csv.DictReader(text)


def _as_read_back(body: bytes) -> RetailLine:
    row = orjson.loads(body)
    times = {"occurred_at": datetime.fromisoformat(row["occurred_at"])}
    return line_of(row | times | {"ordered_on": date.fromisoformat(row["ordered_on"])})
