"""The books as plain text: names go there and back, and beancount agrees with our own trial balance."""

import csv
import re
import shutil
import subprocess
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.account import AccountKind, Side
from ledger.books.postgres import PostgresLedger
from ledger.books.postgres_posted import connect_to_read
from ledger.money import Currency, Money
from ledger.reports import export_beancount, export_hledger
from ledger.reports.export import Format, export
from tests.conftest import CHECKOUT
from tests.ledger.builders import DAY, NOON, a_claim, a_journal, a_purchase, presumed_paid

Connection = psycopg.Connection[Any]

PARTS = st.text(st.characters(exclude_characters=":{}", exclude_categories=("Z", "C")), min_size=1, max_size=8)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map(":".join)


@settings(max_examples=200)
@given(name=NAMES, kind=st.sampled_from(AccountKind))
def test_an_account_has_one_name_there_and_the_same_one_back(name: str, kind: AccountKind) -> None:
    for dialect in (export_beancount, export_hledger):
        assert dialect.own_name(dialect.account_name(name, kind)) == name


@settings(max_examples=200)
@given(name=NAMES)
def test_beancount_can_read_every_name(name: str) -> None:
    legal = re.compile(r"[A-Z][A-Za-z0-9-]*(:[A-Z0-9][A-Za-z0-9-]*)+")
    assert legal.fullmatch(export_beancount.account_name(name, AccountKind.ASSET))


@pytest.fixture
def books(connection: Connection) -> PostgresLedger:
    books = PostgresLedger(connection)
    books.post(a_purchase(names={"plan": "Ünïcode_x-1", "merchant": "ACME.x_y"}, correlation={"note": 'a "quote" \\'}))
    books.post(a_purchase("10.00", "0.01", "o-2", value_date=DAY + timedelta(days=3)))
    books.post(
        a_journal(
            "F02",
            "o-3",
            amounts={"payable": Money(7_00, Currency.EUR), "discount": Money(1, Currency.EUR)},
            names={"plan": "p-eur"},
        )
    )
    books.hold(a_claim("5.00", "a-1"))
    books.post_hold("F12a:a-1", presumed_paid("5.00", "a-1"))
    books.hold(a_claim("2.00", "a-2"))
    books.post(a_journal("F49", amounts={"capital": "1000000.07"}))
    books.reverse("F12b:a-1", value_date=DAY, occurred_at=NOON, recorded_at=NOON, reason="a return")
    connection.commit()
    return books


@pytest.mark.slow
def test_beancount_agrees_with_our_trial_balance(database_url: str, books: PostgresLedger, tmp_path: Path) -> None:
    written = tmp_path / "books.beancount"
    with connect_to_read(database_url) as posted, written.open("w") as file:
        report = export(posted, Format.BEANCOUNT, file.write)
    query = "SELECT account, currency, sum(number) GROUP BY account, currency"

    assert _beancount("bean-check", str(written)) == ""
    rows = csv.DictReader(_beancount("bean-query", "-f", "csv", str(written), query).splitlines())
    theirs = {
        (export_beancount.own_name(row["account"].strip()), row["currency"].strip()): Decimal(row["sum(number)"])
        for row in rows
    }

    ours = {
        (line.account, line.amount.currency): Decimal(
            str(line.amount if line.side is Side.DEBIT else -line.amount)[:-4]
        )
        for line in books.trial_balance().lines
    }
    assert {key: number for key, number in theirs.items() if number} == ours
    assert (report.entries, report.transfers) == (6, 11)


@pytest.mark.slow
def test_beancount_finds_an_amount_that_is_wrong_by_one_unit(
    database_url: str, books: PostgresLedger, tmp_path: Path
) -> None:
    written = tmp_path / "books.beancount"
    with connect_to_read(database_url) as posted, written.open("w") as file:
        export(posted, Format.BEANCOUNT, file.write)
    written.write_text(written.read_text().replace("1000000.07 GBP", "1000000.08 GBP", 2))

    assert "Balance failed" in _beancount("bean-check", str(written), code=1)


@pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed")
def test_hledger_agrees_with_our_balances(database_url: str, books: PostgresLedger, tmp_path: Path) -> None:
    written = tmp_path / "books.journal"
    with connect_to_read(database_url) as posted, written.open("w") as file:
        export(posted, Format.HLEDGER, file.write)

    subprocess.run(["hledger", "-f", str(written), "check", "--strict"], check=True)


def test_the_books_of_an_earlier_day_end_with_its_balances(database_url: str, books: PostgresLedger) -> None:
    lines: list[str] = []
    with connect_to_read(database_url) as posted:
        report = export(posted, Format.HLEDGER, lines.append, as_of=DAY)
    text = "".join(lines)

    assert report.entries == 5
    assert "F02:o-2" not in text
    assert "    asset:plan:Ünïcode_x-1:principal  0 GBP = 100.00 GBP" in text


def test_an_empty_ledger_is_an_empty_file(database_url: str) -> None:
    lines: list[str] = []
    with connect_to_read(database_url) as posted:
        assert export(posted, Format.BEANCOUNT, lines.append).entries == 0
    assert "balance" not in "".join(lines)


def _beancount(*arguments: str, code: int = 0) -> str:
    """What a program of beancount's own environment says."""
    done = subprocess.run(
        [str(CHECKOUT / "infra" / "beancount.sh"), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + (done.stderr if code else "")
