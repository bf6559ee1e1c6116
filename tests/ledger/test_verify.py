"""A row is corrupted behind the database's back, one table after the other, and verify names it."""

from typing import Any

import psycopg
import pytest

from ledger.outbox import append
from ledger.postgres import PostgresLedger
from ledger.postgres_audit import PostgresAudit
from ledger.postgres_seals import PostgresSeals
from ledger.seal import seal
from ledger.verify import Verified, verify
from tests.ledger.builders import DAY, NOON, a_claim, a_journal, a_purchase, presumed_paid

Connection = psycopg.Connection[Any]


@pytest.fixture
def books(connection: Connection) -> PostgresLedger:
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.hold(a_claim("25.00", "a-1"))
    books.post_hold("F12a:a-1", presumed_paid("25.00", "a-1"))
    books.hold(a_claim("25.00", "a-2"), expires_at=NOON)
    books.void_hold("F12a:a-2", at=NOON, reason="expired")
    books.hold(a_claim("25.00", "a-3"))
    books.hold(a_claim("99.00", "a-4"))
    books.post(a_journal("F49", amounts={"capital": "1000.00"}))
    when = {"value_date": DAY, "occurred_at": NOON, "recorded_at": NOON}
    books.reverse("F12b:a-1", **when, reason="the wrong day")
    books.post(presumed_paid("25.00", "a-1", corrects="F12b:a-1", suffix="#2"))
    append(connection, event_id="e-1", event_type="t", key="p-1", payload={"a": 1}, occurred_at=NOON, recorded_at=NOON)
    connection.commit()
    seal(PostgresSeals(connection), size=4)
    books.post(a_purchase(key="o-2"))
    connection.commit()
    return books


def _verified(connection: Connection) -> Verified:
    return verify(PostgresAudit(connection))


def test_untouched_books_are_sound_and_counted(connection: Connection, books: PostgresLedger) -> None:
    report = _verified(connection)

    assert report.faults == ()
    assert (report.entries, report.transfers, report.holds, report.accounts) == (9, 14, 3, 7)


def test_an_empty_ledger_is_sound(connection: Connection) -> None:
    assert _verified(connection).sound
