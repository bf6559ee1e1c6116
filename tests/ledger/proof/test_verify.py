# ruff: noqa: E501, ISC004 - a table of corruptions reads best with one in a line
"""A row is corrupted behind the database's back, one table after the other, and verify names it."""

import json
import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from ledger.books.close_period import close_period
from ledger.books.free_form import approve, propose
from ledger.books.postgres import PostgresLedger
from ledger.books.postgres_periods import PostgresPeriods
from ledger.books.postgres_proposals import PostgresProposals
from ledger.identity.key import EndOfKey, hash_of_key
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import Principal
from ledger.outbox.outbox import append
from ledger.proof.accepted import Acceptance, AcceptedDifference
from ledger.proof.postgres_accepted import PostgresAcceptedDifferences
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.postgres_seals import PostgresSeals
from ledger.proof.seal import seal
from ledger.proof.verify import Verified, verify
from tests.ledger.builders import DAY, NOON, a_claim, a_journal, a_purchase, pounds, presumed_paid

Connection = psycopg.Connection[Any]
BEFORE = DAY - timedelta(days=1)
GIFT = {
    "proposal_id": "p-1",
    "value_date": "2026-01-10",
    "occurred_at": "2026-01-10T12:00:00+00:00",
    "correlation": {},
    "transfers": [{"debit": "exp:goodwill", "credit": "bank:main", "currency": "GBP", "amount": "1.00"}],
}


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
    for limit in ("50.00", "20.00"):
        books.set_credit_limit("plan:p-1:principal", pounds(limit), by="ann", reason="agreed", at=NOON)
    books.reverse("F12b:a-1", value_date=DAY, occurred_at=NOON, recorded_at=NOON, reason="the wrong day")
    books.post(presumed_paid("25.00", "a-1", corrects="F12b:a-1", suffix="#2"))
    books.post(a_journal("F05", "p-1", amounts={"earned": "2.00"}, value_date=BEFORE))
    close_period(PostgresPeriods(connection), BEFORE, at=NOON)
    proposals = PostgresProposals(connection)
    propose(json.dumps(GIFT), by="ann", reason="a gift", at=NOON, proposals=proposals)
    approve("p-1", by="ben", at=NOON, proposals=proposals, ledger=books)
    principals = PostgresPrincipals(connection)
    principals.add(Principal("ann", "servicing", NOON), hash_of_key("a key"))
    principals.end_key(EndOfKey("ann.1", NOON, NOON))
    principals.revoke("ann", NOON)
    accepted = PostgresAcceptedDifferences(connection, Acceptance("ann", "mended", NOON))
    accepted.keep([AcceptedDifference("ledger.balances", "bank:main GBP", {"version": 1}, None)])
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
    assert (report.entries, report.transfers, report.holds, report.accounts) == (12, 17, 3, 10)


def test_an_empty_ledger_is_sound(connection: Connection) -> None:
    assert _verified(connection).sound


ENTRY = "(SELECT position FROM ledger.requests WHERE entry_id = '{}')"
PURCHASE, CAPITAL, PAID, REFUSED = (ENTRY.format(each) for each in ("F02:o-1", "F49:1", "F12b:a-1", "F12a:a-4"))
LATE = ENTRY.format("F02:o-2")  # not sealed yet
ACCOUNT = "(SELECT account_id FROM ledger.accounts WHERE account = '{}')"
BANK, PRINCIPAL, FLIGHT = (
    ACCOUNT.format(each) for each in ("bank:main", "plan:p-1:principal", "rail:card:sim:in_flight")
)

CORRUPTIONS: list[tuple[Any, ...]] = [
    ("an amount", f"UPDATE ledger.transfers SET amount_minor = 9600 WHERE position = {PURCHASE} AND number = 1",
     ("content", "F02:o-1"), ("seal", "F02:o-1"), ("balance", "plan:p-1:principal GBP"),
     ("seal total", "merchant:m-1:payable GBP")),
    ("an amount in the tail", f"UPDATE ledger.transfers SET amount_minor = 9600 WHERE position = {LATE} AND number = 1",
     ("content", "F02:o-2"), ("balance", "plan:p-1:principal GBP")),
    ("a side", f"UPDATE ledger.transfers SET debit = {BANK}, debit_version = NULL WHERE position = {PURCHASE}"
     " AND number = 2", ("content", "F02:o-1"), ("money map", "F02:o-1"), ("seal total", "bank:main GBP")),
    ("a version", f"UPDATE ledger.transfers SET debit_version = debit_version + 50 WHERE position = {PURCHASE}"
     " AND number = 1", ("version", "F02:o-1"), ("seal", "F02:o-1")),
    ("a version of an account without a floor", f"UPDATE ledger.transfers SET debit_version = 1 WHERE position = {CAPITAL}",
     ("version", "F49:1"), ("seal", "F49:1")),
    ("an account that is not there", f"UPDATE ledger.transfers SET debit = 4711 WHERE position = {CAPITAL}",
     ("account", "account 4711"), ("content", "F49:1"), ("seal total", "account 4711")),
    ("a transfer gone", f"DELETE FROM ledger.transfers WHERE position = {PURCHASE} AND number = 2",
     ("whole", "F02:o-1"), ("balance", "plan:p-1:deferred_discount GBP"), ("seal", "F02:o-1")),
    ("an entry emptied", f"DELETE FROM ledger.transfers WHERE position = {CAPITAL}",
     ("whole", "F49:1"), ("account", "equity:capital"), ("seal", "F49:1")),
    ("a transfer without its entry", "UPDATE ledger.transfers SET position = 4711 WHERE number = 2 AND position ="
     f" {PURCHASE}", ("whole", "position 4711"), ("whole", "F02:o-1")),
    ("a held amount posted", f"UPDATE ledger.transfers SET pending = false WHERE position = {ENTRY.format('F12a:a-3')}",
     ("whole", "F12a:a-3"), ("open hold", "F12a:a-3"), ("limit", "rail:card:sim:in_flight")),
    ("a request gone", f"DELETE FROM ledger.requests WHERE position = {CAPITAL}",
     ("seal", "seal 2"), ("whole", "position 8")),
    ("a request in the tail gone", f"DELETE FROM ledger.requests WHERE position = {LATE}", ("whole", "position 14")),
    ("a value date", "UPDATE ledger.requests SET value_date = value_date + 1 WHERE entry_id = 'F02:o-1'",
     ("content", "F02:o-1"), ("seal", "F02:o-1"), ("seal total", "plan:p-1:principal GBP")),
    ("when we knew", "UPDATE ledger.requests SET recorded_at = recorded_at + interval '1 us' WHERE entry_id = 'F49:1'",
     ("seal", "F49:1")),
    ("a template", "UPDATE ledger.requests SET template_version = 7 WHERE entry_id = 'F49:1'", ("seal", "F49:1")),
    ("a flow", "UPDATE ledger.requests SET flow = 'F02' WHERE entry_id = 'F49:1'",
     ("content", "F49:1"), ("money map", "F49:1")),
    ("a correlation", """UPDATE ledger.requests SET correlation = '{"plan_id": "p-2"}' WHERE entry_id = 'F12b:a-1'""",
     ("content", "F12b:a-1"), ("seal", "F12b:a-1")),
    ("an end", "UPDATE ledger.requests SET expires_at = expires_at + interval '1 h' WHERE entry_id = 'F12a:a-2'",
     ("content", "F12a:a-2")),
    ("a digest", r"UPDATE ledger.requests SET digest = set_byte(digest, 0, (get_byte(digest, 0) + 1) % 256)"
     " WHERE entry_id = 'F49:1'", ("content", "F49:1"), ("seal", "F49:1")),
    ("a refused request", "UPDATE ledger.requests SET reason = 'x' WHERE entry_id = 'F12a:a-4'", ("seal", "F12a:a-4")),
    ("a transaction", "UPDATE ledger.requests SET txid = '999999999' WHERE entry_id = 'F02:o-1'",
     ("seal", "F02:o-1"), ("seal", "seal 1")),
    ("what is reversed", f"UPDATE ledger.requests SET refers_to = {PURCHASE} WHERE entry_id = 'F38:F12b:a-1'",
     ("reversal", "F38:F12b:a-1"), ("correction", "F12b:a-1#2"), ("content", "F38:F12b:a-1")),
    ("what is corrected", f"UPDATE ledger.requests SET corrects = {PURCHASE} WHERE entry_id = 'F12b:a-1#2'",
     ("correction", "F12b:a-1#2")),
    ("what a reversal mirrors", "UPDATE ledger.transfers SET amount_minor = 2400 WHERE number = 1 AND position ="
     f" {ENTRY.format('F38:F12b:a-1')}", ("reversal", "F38:F12b:a-1"), ("content", "F38:F12b:a-1")),
    ("an account", "UPDATE ledger.accounts SET normal = 'credit' WHERE account = 'bank:main'", ("account", "bank:main")),
    ("an account's floor", "UPDATE ledger.accounts SET floor = true WHERE account = 'bank:main'",
     ("account", "bank:main"), ("balance", "bank:main GBP")),
    ("an account's name", "UPDATE ledger.accounts SET account = 'bank:other' WHERE account = 'bank:main'",
     ("content", "F49:1")),
    ("an account's name off its form", "UPDATE ledger.accounts SET account = 'bank:a b' WHERE account = 'bank:main'",
     ("account", "bank:a b")),
    ("an account's name too long", "UPDATE ledger.accounts SET account = 'bank:' || repeat('x', 121)"
     " WHERE account = 'bank:main'", ("account", "bank:" + "x" * 121)),
    ("an account gone", "DELETE FROM ledger.accounts WHERE account = 'bank:main'", ("content", "F49:1")),
    ("an account never used", "INSERT INTO ledger.accounts (account, currency, pattern, kind, normal, floor)"
     " VALUES ('bank:x', 'GBP', 'bank:{bank}', 'asset', 'debit', false)", ("account", "bank:x")),
    ("what was released", "UPDATE ledger.hold_events SET amount_minor = 2400 WHERE event = 'posted'",
     ("hold", "F12b:a-1"), ("open hold", "F12a:a-1"), ("seal", "F12b:a-1")),
    ("too much released", "UPDATE ledger.hold_events SET amount_minor = 2600 WHERE event = 'voided'",
     ("hold", "F12a:a-2"), ("balance", "plan:p-1:principal GBP")),
    ("who released", f"UPDATE ledger.hold_events SET resolver = {PURCHASE} WHERE event = 'posted'",
     ("hold", "F12a:a-1"), ("hold", "F12b:a-1")),
    ("how it was released", "UPDATE ledger.hold_events SET event = 'posted' WHERE event = 'voided'",
     ("hold", "F12a:a-2"), ("seal", "void:F12a:a-2")),
    ("a release gone", "DELETE FROM ledger.hold_events WHERE event = 'voided'",
     ("hold", "void:F12a:a-2"), ("balance", "plan:p-1:principal GBP"), ("open hold", "F12a:a-2")),
    ("a refusal", """UPDATE ledger.refusals SET reasons = '[["below_zero", "x", "y"]]'""", ("seal", "F12a:a-4")),
    ("a refusal gone", "DELETE FROM ledger.refusals", ("whole", "F12a:a-4"), ("seal", "F12a:a-4")),
    ("a balance", f"UPDATE ledger.balances SET debits_posted = debits_posted + 1 WHERE account_id = {PRINCIPAL}",
     ("balance", "plan:p-1:principal GBP")),
    ("a balance gone", f"DELETE FROM ledger.balances WHERE account_id = {PRINCIPAL}",
     ("balance", "plan:p-1:principal GBP")),
    ("a balance's credit limit", f"UPDATE ledger.balances SET credit_limit_minor = 2001 WHERE account_id = {PRINCIPAL}",
     ("balance", "plan:p-1:principal GBP")),
    ("a credit limit", "UPDATE ledger.credit_limits SET limit_minor = 2001 WHERE number = 2",
     ("limit", "plan:p-1:principal"), ("balance", "plan:p-1:principal GBP")),
    ("who set a credit limit", "UPDATE ledger.credit_limits SET set_by = 'eve' WHERE number = 1",
     ("limit", "plan:p-1:principal")),
    ("a credit limit gone", "DELETE FROM ledger.credit_limits WHERE number = 1", ("limit", "plan:p-1:principal")),
    ("the last credit limit gone", "DELETE FROM ledger.credit_limits WHERE number = 2",
     ("balance", "plan:p-1:principal GBP")),
    ("the account of a credit limit", f"UPDATE ledger.credit_limits SET account_id = {BANK}, number = 1 WHERE number = 2",
     ("limit", "bank:main")),
    ("an open hold", "UPDATE ledger.open_holds SET remaining_minor = 1", ("open hold", "F12a:a-3")),
    ("an open hold gone", "DELETE FROM ledger.open_holds", ("open hold", "F12a:a-3")),
    ("a seal's time", "UPDATE ledger.seals SET sealed_at = sealed_at + interval '1 us' WHERE seal_no = 1",
     ("seal", "seal 1")),
    ("a seal's end", "UPDATE ledger.seals SET known_to = known_to + interval '1 us' WHERE seal_no = 3", ("seal", "seal 3")),
    ("a leaf", "UPDATE ledger.seals SET leaves = set_byte(leaves, 40, (get_byte(leaves, 40) + 1) % 256)"
     " WHERE seal_no = 2", ("seal", "seal 2")),
    ("a root", "UPDATE ledger.seals SET root = set_byte(root, 31, (get_byte(root, 31) + 1) % 256) WHERE seal_no = 1",
     ("seal", "seal 1"), ("seal", "seal 2")),
    ("a seal gone", "DELETE FROM ledger.seals WHERE seal_no = 2", ("seal", "seal 3")),
    ("where the tail begins", "UPDATE ledger.seals SET tail_from = 4711 WHERE seal_no = 4",
     ("seal", "seal 4"), ("seal", "F02:o-2")),
    ("a seal's total", f"UPDATE ledger.seal_totals SET debits_total = debits_total + 1 WHERE debits > 0 AND account_id = {BANK}",
     ("seal total", "bank:main GBP")),
    ("a seal's total gone", f"DELETE FROM ledger.seal_totals WHERE debits > 0 AND account_id = {BANK}", ("seal total", "bank:main GBP")),
    ("an account's day", f"UPDATE ledger.account_days SET credits = 7 WHERE account_id = {BANK}",
     ("account day", "bank:main GBP"), ("trial balance", "GBP")),
    ("an account's day gone", f"DELETE FROM ledger.account_days WHERE account_id = {BANK}",
     ("account day", "bank:main GBP")),
    ("a fact", """UPDATE ledger.outbox SET payload = '{"a": 2}'""", ("outbox", "e-1")),
    ("how far facts are told", "UPDATE ledger.relay_positions SET position = 4711 WHERE log = 'outbox'", ("relay", "outbox")),
    ("how far facts are told gone", "DELETE FROM ledger.relay_positions WHERE log = 'journal'", ("relay", "journal")),
    ("a period", "UPDATE ledger.periods SET closed_at = closed_at + interval '1 s'", ("period", "2026-01-09")),
    ("a period moved", "UPDATE ledger.periods SET through = '2026-01-08'",
     ("period", "2026-01-08"), ("period", "F44:2026-01-09/GBP")),
    ("a period gone", "DELETE FROM ledger.periods", ("period", "F44:2026-01-09/GBP")),
    ("an entry in a closed period", "UPDATE ledger.requests SET value_date = '2026-01-09' WHERE entry_id = 'F02:o-2'",
     ("period", "F02:o-2")),
    ("a proposal", "UPDATE ledger.proposals SET reason = 'another'", ("free form", "FREE:p-1")),
    ("a proposal gone", "DELETE FROM ledger.proposals", ("free form", "FREE:p-1")),
    ("an approval", "UPDATE ledger.approvals SET approved_by = 'eve'", ("free form", "FREE:p-1")),
    ("an approval gone", "DELETE FROM ledger.approvals", ("free form", "FREE:p-1")),
    ("a large account", f"INSERT INTO ledger.large_accounts VALUES ({BANK})", ("large account", "bank:main GBP")),
    ("a principal's role", "UPDATE ledger.principals SET role = 'owner' WHERE principal_id = 'ann'",
     ("sealed row", "principal ann")),
    ("a principal gone", "DELETE FROM ledger.principals WHERE principal_id = 'ann'", ("sealed row", "principal ann")),
    ("when a principal ended", "UPDATE ledger.principal_revocations SET revoked_at = 'infinity'",
     ("sealed row", "principal ann")),
    ("the end of a principal gone", "DELETE FROM ledger.principal_revocations", ("sealed row", "principal ann")),
    ("a key", "UPDATE ledger.principal_keys SET key_hash = sha256('mine') WHERE key_id = 'ann.1'",
     ("sealed row", "principal ann")),
    ("a key gone", "DELETE FROM ledger.principal_keys WHERE key_id = 'ann.1'", ("sealed row", "principal ann")),
    ("when a key ended", "UPDATE ledger.key_ends SET ends_at = 'infinity'", ("sealed row", "key ann.1")),
    ("the end of a key gone", "DELETE FROM ledger.key_ends", ("sealed row", "key ann.1")),
    ("what a rebuild replaced", "UPDATE ledger.accepted_differences SET reason = 'x'",
     ("sealed row", "projection ledger.balances")),
    ("a seal of rows", "UPDATE ledger.row_seals SET sealed_at = sealed_at + interval '1 us' WHERE seal_no = 2",
     ("row seal", "seal 2 of rows")),
    ("a leaf of a row", "UPDATE ledger.row_seals SET leaves = sha256('x') WHERE seal_no = 1",
     ("row seal", "seal 1 of rows"), ("sealed row", "projection ledger.balances")),
    ("a seal of rows gone", "DELETE FROM ledger.row_seals WHERE seal_no = 1", ("row seal", "seal 2 of rows")),
    ("a table that is sealed no longer", "DELETE FROM ledger.sealed_tables WHERE table_name = 'ledger.principals'",
     ("row seal", "ledger.principals")),
    ("a schema file", "UPDATE ledger.migrations SET sha256 = 'x' WHERE package = 'ledger' AND file = '001_ledger.sql'",
     ("schema", "ledger/schema/001_ledger.sql")),
]  # fmt: skip


def test_a_corrupted_row_is_named_whatever_table_it_is_in(connection: Connection, books: PostgresLedger) -> None:
    missed = {}
    for case, change, *expected in CORRUPTIONS:
        connection.execute("SET session_replication_role = replica")  # no trigger and no foreign key stands in the way
        assert connection.execute(change).rowcount == 1, case
        found = {(fault.check, fault.where) for fault in _verified(connection).faults}
        if not set(expected) <= found:
            missed[case] = found
        connection.rollback()

    assert missed == {}


def test_every_table_of_the_books_is_among_the_corrupted(connection: Connection) -> None:
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'ledger'")
    changed = {match[1] for _, change, *_ in CORRUPTIONS if (match := re.search(r"ledger\.(\w+)", change))}

    assert {table for (table,) in tables} == changed
