"""The general ledger against the trial balance of the same day."""

import csv
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.account import Side
from ledger.books.postgres import PostgresLedger
from ledger.money import Currency
from ledger.reports.general_ledger import ReportPeriodFault, general_ledger, months, write_general_ledger
from ledger.reports.postgres_general_ledger import PostgresMovements
from tests.command_line import acts_of
from tests.ledger.builders import NOON, a_claim, a_journal, a_purchase, pounds

main = acts_of("ledger")

Connection = psycopg.Connection[Any]

JANUARY, FEBRUARY = months(date(2026, 1, 1), date(2026, 2, 28))


@pytest.fixture
def books(connection: Connection) -> PostgresLedger:
    books = PostgresLedger(connection)
    books.post(a_purchase(value_date=date(2026, 1, 10)))
    books.post(a_purchase("47.50", "2.50", "o-2", value_date=date(2026, 2, 3), names={"plan": "p-2"}))
    earned = {"value_date": date(2026, 2, 28), "amounts": {"earned": "1.25"}}
    books.post(a_journal("F05", "late in the month", **earned))
    books.post(a_journal("F49", "euros", amounts={"capital": pounds("9.00")}, value_date=date(2026, 3, 1)))
    books.hold(a_claim(), expires_at=NOON)
    return books


def _lines(connection: Connection) -> dict[tuple[date, str], tuple[str, str, str, str]]:
    ledger = general_ledger(PostgresMovements(connection), [JANUARY, FEBRUARY])
    assert ledger.balanced
    return {
        (line.last, line.kind.pattern): tuple(  # type: ignore[misc]
            each.decimal for each in (line.opening, line.debits, line.credits, line.closing)
        )
        for line in ledger.lines
    }


@pytest.mark.usefixtures("books")
def test_a_line_opens_with_what_the_period_before_closed_with(connection: Connection) -> None:
    lines = _lines(connection)

    assert lines[date(2026, 1, 31), "plan:{plan}:principal"] == ("0.00", "100.00", "0.00", "100.00")
    assert lines[date(2026, 2, 28), "plan:{plan}:principal"] == ("100.00", "50.00", "0.00", "150.00")
    assert lines[date(2026, 2, 28), "plan:{plan}:deferred_discount"] == ("-5.00", "1.25", "2.50", "-6.25")
    assert lines[date(2026, 2, 28), "inc:discount"] == ("0.00", "0.00", "1.25", "-1.25")
    assert (date(2026, 1, 31), "inc:discount") not in lines
    assert not any(pattern == "bank:{bank}" for _, pattern in lines), "it moved after the period"
    assert not any(pattern.endswith("in_flight") for _, pattern in lines), "what is only held has not moved"


def test_closing_balances_are_those_of_the_trial_balance(books: PostgresLedger, connection: Connection) -> None:
    ledger = general_ledger(PostgresMovements(connection), [JANUARY, FEBRUARY])

    for _, last in (JANUARY, FEBRUARY):
        trial = books.trial_balance(last)
        debits, _ = trial.totals()[Currency.GBP]
        by_sign = [line.closing for line in ledger.lines if line.last == last and line.closing.minor > 0]
        assert sum(each.minor for each in by_sign) == debits.minor
        assert {line.side for line in trial.lines} == {Side.DEBIT, Side.CREDIT}


@pytest.mark.usefixtures("books")
def test_the_command_writes_codes_and_decimals(
    connection: Connection, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.commit()
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    out = tmp_path / "general-ledger.csv"

    assert main(["general-ledger", "--from", "2026-01-01", "--to", "2026-02-28", "--out", str(out)]) == 0

    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    principal = [row for row in rows if row["account"] == "plan:{plan}:principal"]
    assert [row["closing"] for row in principal] == ["100.00", "150.00"]
    assert {row["code"] for row in principal} == {"1060"}
    assert [row["period_to"] for row in principal] == ["2026-01-31", "2026-02-28"]


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ReportPeriodFault, match="ends before it begins"):
        months(date(2026, 2, 1), date(2026, 1, 31))


def test_nothing_is_written_of_empty_books(connection: Connection, tmp_path: Path) -> None:
    write_general_ledger(tmp_path / "empty.csv", general_ledger(PostgresMovements(connection), [JANUARY]))

    assert len((tmp_path / "empty.csv").read_text(encoding="utf-8").splitlines()) == 1
