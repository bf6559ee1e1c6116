"""Days written by hand: every odd line keeps its class, and the bridge from the books meets the files to the penny."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from ledger.money import Currency, Money
from payments.postgres import connected
from payments.provider.simulated import SimulatedProvider
from payments.wiring import adapters_over
from pipelines.sources.online_retail import OnlineRetail
from simulation.retail.line import line_of
from simulation.retail.order_book import OrderBook, order_book
from simulation.retail.stock_codes import load_stock_codes
from terminal.database import DatabaseProcess
from tests.simulation.retail.replays import replay_over
from tranche.demo.books import verified_books
from tranche.demo.retail import RetailParts, RetailReplay, retail_of
from tranche.report.retail_summary import Retail
from tranche.report.summary import Events

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
WEDNESDAY = """
536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,POST,POSTAGE,1,2010-12-01 08:26:00,18.0,17850.0,United Kingdom
536365,PADS,PADS,1,2010-12-01 08:26:00,0.001,17850.0,United Kingdom
536366,22423,CAKESTAND,2,2010-12-01 09:00:00,12.755,12346.0,France
536367,22423,CAKESTAND,1,2010-12-01 09:10:00,12.75,,United Kingdom
536368,22423,,-5,2010-12-01 09:20:00,0.0,,United Kingdom
536369,22423,CAKESTAND,1,2010-12-01 09:30:00,0.0,12346.0,France
536370,ZZZ,WHO KNOWS,1,2010-12-01 09:40:00,5.0,12346.0,France
536371,10002,PENCIL,1,2010-12-01 09:50:00,0.02,12347.0,Iceland
C536372,85123A,HOLDER,-6,2010-12-01 10:00:00,2.55,17850.0,United Kingdom
C536373,22423,CAKESTAND,-1,2010-12-01 10:10:00,12.75,17850.0,United Kingdom
"""
NEXT_WEEK = """
C537000,22423,CAKESTAND,-1,2010-12-08 11:00:00,12.755,12346.0,France
C537001,85123A,HOLDER,-7,2010-12-08 11:10:00,2.55,17850.0,United Kingdom
C537002,D,Discount,-1,2010-12-08 11:20:00,27.5,17850.0,United Kingdom
C537003,22423,CAKESTAND,-1,2010-12-08 11:30:00,12.75,,United Kingdom
A537004,B,Adjust bad debt,1,2010-12-08 11:40:00,-11.06,,United Kingdom
537005,85123A,HOLDER,100,2010-12-08 11:50:00,2.55,12346.0,France
"""
NO_EVENTS = Events(0, 0, 0, 0, 0, 0, 0)


@pytest.fixture
def days(tmp_path: Path) -> Path:
    folder = tmp_path / "by-day"
    folder.mkdir()
    for day, rows in (("2010-12-01", WEDNESDAY), ("2010-12-08", NEXT_WEEK)):
        (folder / f"{day}.csv").write_text(HEADER + rows)
    return folder


@pytest.fixture
def figures(days: Path, tmp_path: Path, database_url: str) -> Retail:
    """The days through the platform, as the demo takes them once the lake has them, with its roles of the database."""
    book = _book(days)
    reader, books_of = (
        database_url.replace("postgres@", f"{process.role}@")
        for process in (DatabaseProcess.READER, DatabaseProcess.BOOKS)
    )
    with connected(database_url.replace("postgres@", f"{DatabaseProcess.PAYMENTS.role}@")) as connection:
        ports = adapters_over(connection, SimulatedProvider())
        replayed = replay_over(ports, book, tmp_path / "outbox")
        groups = ports.ledger.open_groups(replayed.last_day)
    books = verified_books(reader, books_of)
    assert books.faults == ()
    assert books.summary.balanced
    parts = RetailParts(RetailReplay(days), NO_EVENTS, book, replayed, OnlineRetail(days).turnover_mills())
    return retail_of(parts, books.by_flow, len(groups))


def test_every_line_of_the_days_has_its_class_and_the_bridge_holds(figures: Retail) -> None:
    assert {name: number for name, number in figures.lines_by_class.items() if number} == {
        "purchase": 4,
        "refund": 2,
        "sale_not_goods": 1,
        "sale_without_customer": 1,
        "sale_too_small": 1,
        "unknown_code": 1,
        "stock_adjustment": 1,
        "free_of_charge": 1,
        "under_a_penny": 1,
        "cancellation_unlinked": 1,
        "cancellation_beyond_purchase": 1,
        "cancellation_not_goods": 1,
        "cancellation_without_customer": 1,
        "bad_debt": 1,
    }
    assert (figures.lines, figures.invoices, figures.cancellations, figures.bad_debt) == (18, 8, 6, 1)
    assert figures.posted_purchases_minor == 1530 + 1530 + 2551 + 25_500
    assert figures.posted_refunds_minor == 1530 + 1276
    assert list(figures.broken()) == []


def test_what_rounding_adds_is_a_figure_beside_the_bridge(figures: Retail) -> None:
    # 0.001 falls away, and the cake stand's 12.755 went back as 12.76
    assert figures.rounding_minor == Decimal("-0.6")
    assert figures.net_minor - figures.rounding_minor == figures.files_minor


def _book(days: Path) -> OrderBook:
    rows = [orjson.loads(event.body) for event in OnlineRetail(days).read().events]
    lines = (
        line_of(
            row
            | {
                "occurred_at": datetime.fromisoformat(row["occurred_at"]),
                "ordered_on": date.fromisoformat(row["ordered_on"]),
            }
        )
        for row in rows
    )
    return order_book(lines, load_stock_codes(), Money(3, Currency.GBP))
