"""A row is corrupted behind the database's back, one table after the other, and verify names it."""

from typing import Any

import psycopg
import pytest

from ledger.postgres import PostgresLedger
from ledger.postgres_audit import PostgresAudit, connect_for_audit
from ledger.verify import verify
from tests.ledger.builders import NOON, a_claim, a_journal, a_purchase, presumed_paid

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
    connection.commit()
    return books


def test_untouched_books_are_sound_and_counted(connection: Connection, books: PostgresLedger) -> None:
    report = verify(PostgresAudit(connection))

    assert report.sound
    assert (report.entries, report.transfers, report.holds, report.accounts) == (6, 8, 3, 7)


def test_an_empty_ledger_is_sound(connection: Connection) -> None:
    assert verify(PostgresAudit(connection)).sound


CORRUPTIONS: list[tuple[Any, ...]] = [
    ("an amount", "UPDATE ledger.transfers SET amount_minor = 9600 WHERE entry_id = 'F02:o-1' AND number = 1",
     ("content", "F02:o-1"), ("balance", "merchant:m-1:payable"), ("balance", "plan:p-1:principal")),
    ("a side", "UPDATE ledger.transfers SET debit_account = 'bank:main' WHERE entry_id = 'F02:o-1' AND number = 2",
     ("content", "F02:o-1"), ("money map", "F02:o-1"), ("balance", "bank:main")),
    ("a transfer gone", "DELETE FROM ledger.transfers WHERE entry_id = 'F02:o-1' AND number = 2",
     ("whole", "F02:o-1"), ("balance", "plan:p-1:deferred_discount")),
    ("an entry emptied", "DELETE FROM ledger.transfers WHERE entry_id = 'F49:1'",
     ("whole", "F49:1"), ("account", "equity:capital")),
    ("a value date", "UPDATE ledger.requests SET value_date = value_date + 1 WHERE entry_id = 'F02:o-1'",
     ("content", "F02:o-1")),
    ("when we knew", "UPDATE ledger.requests SET recorded_at = recorded_at + interval '1 s' WHERE entry_id = 'F49:1'",
     ("content", "F49:1")),
    ("a correlation", """UPDATE ledger.requests SET correlation = '{"plan_id": "p-2"}' WHERE entry_id = 'F12b:a-1'""",
     ("content", "F12b:a-1")),
    ("an end", "UPDATE ledger.requests SET expires_at = expires_at + interval '1 h' WHERE entry_id = 'F12a:a-2'",
     ("content", "F12a:a-2")),
    ("a balance", "UPDATE ledger.balances SET debits_posted = debits_posted + 1 WHERE account = 'bank:main'",
     ("balance", "bank:main"), ("trial balance", "GBP")),
    ("a pending balance", "UPDATE ledger.balances SET debits_pending = 0 WHERE account = 'rail:card:sim:in_flight'",
     ("balance", "rail:card:sim:in_flight")),
    ("an account", "UPDATE ledger.accounts SET normal = 'credit' WHERE account = 'bank:main'",
     ("account", "bank:main")),
    ("what was released", "UPDATE ledger.hold_events SET amount_minor = 2400 WHERE entry_id = 'F12b:a-1'",
     ("balance", "plan:p-1:principal"), ("balance", "rail:card:sim:in_flight")),
    ("who released", "UPDATE ledger.hold_events SET entry_id = 'F02:o-1' WHERE entry_id = 'F12b:a-1'",
     ("hold", "F12a:a-1"), ("hold", "F02:o-1")),
    ("a release gone", "DELETE FROM ledger.hold_events WHERE event = 'voided'",
     ("balance", "plan:p-1:principal")),
    ("a refusal", """UPDATE ledger.refusals SET reasons = '[["below_zero", "x", "y"]]'""",
     ("content", "F12a:a-4")),
    ("a refusal gone", "DELETE FROM ledger.refusals", ("whole", "F12a:a-4")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"), [pytest.param(change, set(found), id=case) for case, change, *found in CORRUPTIONS]
)
def test_a_corrupted_row_is_named(
    connection: Connection, books: PostgresLedger, change: str, expected: set[tuple[str, str]]
) -> None:
    connection.execute("SET session_replication_role = replica")  # no trigger and no foreign key stands in the way
    assert connection.execute(change).rowcount == 1

    report = verify(PostgresAudit(connection))

    assert not report.sound
    assert expected <= {(fault.check, fault.where) for fault in report.faults}


def test_a_hold_released_twice_is_named(connection: Connection, books: PostgresLedger) -> None:
    connection.execute("SET session_replication_role = replica")
    connection.execute("UPDATE ledger.hold_events SET amount_minor = 2600 WHERE event = 'voided'")

    faults = {(fault.check, fault.where) for fault in verify(PostgresAudit(connection)).faults}

    assert ("hold", "F12a:a-2") in faults


def test_a_limit_that_was_passed_is_named(connection: Connection, books: PostgresLedger) -> None:
    connection.execute("SET session_replication_role = replica")
    connection.execute("UPDATE ledger.transfers SET amount_minor = 9900 WHERE entry_id = 'F12a:a-3'")

    faults = {(fault.check, fault.where) for fault in verify(PostgresAudit(connection)).faults}

    assert ("limit", "plan:p-1:principal") in faults


def test_the_audit_sees_one_moment_whatever_is_written_meanwhile(database_url: str, books: PostgresLedger) -> None:
    with connect_for_audit(database_url) as reading, psycopg.connect(database_url) as writing:
        audit = PostgresAudit(reading)
        before = audit.balances()
        PostgresLedger(writing).post(a_purchase(key="o-2"))
        writing.commit()

        assert audit.balances() == before
        assert verify(audit).entries == 6
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reading.execute("SELECT nextval('ledger.positions')")
