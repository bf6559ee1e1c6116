"""A merchant's remittance advice against the merchant's accounts in the books."""

import csv
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.account import Side
from ledger.books.postgres import PostgresLedger
from ledger.money import Currency
from ledger.reports.remittance import Remittance, RemittanceKind, remittances
from tests.command_line import acts_of
from tests.ledger.builders import NOON, a_journal, pounds

main = acts_of("ledger")

Connection = psycopg.Connection[Any]

FIRST, LAST = date(2026, 2, 1), date(2026, 2, 28)


def _post(books: PostgresLedger, flow: str, key: str, day: date, **amounts: str) -> None:
    ids = {"plan_id": f"p-{key}", "order_id": f"o-{key}"}
    if flow.startswith("F07"):
        ids = {"payout_id": key}
    books.post(a_journal(flow, key, value_date=day, amounts=amounts, correlation=ids, names={"plan": f"p-{key}"}))


@pytest.fixture
def books(connection: Connection) -> PostgresLedger:
    """Two sales with tax, one before the period; refunds before and after settlement; a reserve, payouts."""
    books = PostgresLedger(connection)
    _post(books, "F02t", "1", date(2026, 1, 20), payable="94.00", discount="5.00", tax="1.00")
    _post(books, "F07a", "mp-1", date(2026, 1, 25), payout="90.00")
    _post(books, "F02t", "2", date(2026, 2, 2), payable="188.00", discount="10.00", tax="2.00")
    _post(books, "F08", "mp-2", date(2026, 2, 5), held="18.80")
    _post(books, "F22", "2", date(2026, 2, 6), payable="47.00", discount="2.50", tax="0.50", principal="50.00")
    _post(books, "F07a", "mp-2", date(2026, 2, 9), payout="126.20")
    _post(books, "F22", "1", date(2026, 2, 12), receivable="9.40", discount="0.50", tax="0.10", principal="10.00")
    _post(books, "F02t", "3", date(2026, 3, 1), payable="9.40", discount="0.50", tax="0.10")
    return books


def _owed(books: PostgresLedger, day: date) -> int:
    payable = books.balance("merchant:m-1:payable", Currency.GBP, valued_by=day).posted(Side.CREDIT)
    return (payable - books.balance("merchant:m-1:receivable", Currency.GBP, valued_by=day).posted(Side.DEBIT)).minor


def _advice(books: PostgresLedger) -> Remittance:
    (advice,) = remittances(books, "m-1", FIRST, LAST)
    return advice


def test_the_advice_begins_and_ends_with_what_the_books_owe_the_merchant(books: PostgresLedger) -> None:
    advice = _advice(books)

    assert advice.opening.minor == _owed(books, date(2026, 1, 31)) == 4_00
    assert advice.closing.minor == _owed(books, LAST) == -9_40
    moved = advice.total("owed") - advice.total("kept_back") - advice.total("paid")
    assert advice.opening + moved == advice.closing


def test_it_says_what_was_sold_discounted_taxed_refunded_kept_back_and_paid(books: PostgresLedger) -> None:
    advice = _advice(books)

    assert advice.total("goods", RemittanceKind.SALE) == pounds("200.00")
    assert advice.total("goods", RemittanceKind.REFUND) == pounds("-60.00")
    assert advice.total("discount") == pounds("7.00")
    assert advice.total("tax") == pounds("1.40")
    assert advice.total("kept_back") == pounds("18.80")
    assert advice.total("paid") == pounds("126.20")
    assert [(line.kind.value, line.order_id, line.payout_id) for line in advice.lines] == [
        ("sale", "o-2", ""), ("reserve", "o-mp-2", ""), ("refund", "o-2", ""), ("payout", "", "mp-2"),
        ("refund", "o-1", ""),
    ]  # fmt: skip


def test_a_reversed_sale_is_on_the_advice_twice_and_adds_nothing(books: PostgresLedger) -> None:
    before = _advice(books)
    reversed_ = books.reverse(
        "F08:mp-2", value_date=date(2026, 2, 20), occurred_at=NOON, recorded_at=NOON, reason="held in error"
    )

    advice = _advice(books)

    assert reversed_.entry_id == "F38:F08:mp-2"
    assert advice.lines[-1].kind is RemittanceKind.RESERVE
    assert advice.total("kept_back").minor == 0
    assert advice.closing == before.closing + pounds("18.80")


@pytest.mark.usefixtures("books")
def test_the_command_writes_the_lines_and_says_the_totals(
    connection: Connection,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    connection.commit()
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    out = tmp_path / "advice.csv"

    arguments = ["remittance", "--merchant", "m-1", "--from", str(FIRST), "--to", str(LAST), "--out", str(out)]
    assert main(arguments) == 0

    assert "sold                 200.00 GBP" in capsys.readouterr().out
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [row["balance"] for row in rows] == ["192.00", "173.20", "126.20", "0.00", "-9.40"]


def test_a_merchant_that_never_sold_has_no_advice(connection: Connection) -> None:
    assert remittances(PostgresLedger(connection), "m-9", FIRST, LAST) == ()
