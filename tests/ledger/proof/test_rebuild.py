"""Every projection is made again from the journal, and what differed is said row by row."""

from datetime import timedelta
from typing import Any

import psycopg

from ledger.books.postgres import PostgresLedger
from ledger.proof.accepted import Acceptance
from ledger.proof.postgres_accepted import PostgresAcceptedDifferences, listed_differences
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.postgres_projections import PostgresProjections
from ledger.proof.postgres_seals import PostgresSeals
from ledger.proof.projection import PROJECTIONS
from ledger.proof.rebuild import rebuild_projections
from ledger.proof.seal import seal
from ledger.proof.verify import verify
from tests.ledger.builders import NOON, a_claim, a_journal, a_purchase, pounds

Connection = psycopg.Connection[Any]


def test_what_differs_is_put_right_once(connection: Connection) -> None:
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.hold(a_claim("25.00"))
    connection.commit()
    books.post(a_purchase(key="o-2", recorded_at=NOON + timedelta(days=1)))
    books.post(a_journal("F49", amounts={"capital": "20000000000.00"}))
    books.set_credit_limit("plan:p-1:principal", pounds("50.00"), by="ann", reason="agreed", at=NOON)
    connection.commit()
    seal(PostgresSeals(connection))
    connection.execute("SET session_replication_role = replica")
    connection.execute(
        "UPDATE ledger.balances SET debits_posted = debits_posted + 1, credit_limit_minor = 0 WHERE floor = 'debit'"
    )
    connection.execute("DELETE FROM ledger.balances WHERE floor = 'credit'")
    connection.execute("DELETE FROM ledger.open_holds")
    connection.execute("DELETE FROM ledger.large_accounts")
    connection.execute("UPDATE ledger.seal_totals SET credits_total = credits_total + 1 WHERE credits > 0")
    connection.execute("DELETE FROM ledger.account_days WHERE known_on = '2026-01-11'")
    connection.execute("INSERT INTO ledger.account_days VALUES (1, '2030-01-01', '2026-01-10', 1, 1, 0)")
    connection.execute("SET session_replication_role = origin")
    projections = PostgresProjections(connection)
    projections.hold_still()

    named = rebuild_projections(projections)
    accepted = PostgresAcceptedDifferences(connection, Acceptance("local", "mended", NOON))
    first, second = rebuild_projections(projections, accepted), rebuild_projections(projections)

    assert {each.where for each in named.differences} == {each.where for each in first.differences}
    kept = [(each.projection, each.place, each.was) for each, _ in listed_differences(connection)]
    assert kept == [(f"ledger.{each.projection.table}", each.where, each.says) for each in first.differences]

    assert {each.projection for each in first.differences} == set(PROJECTIONS)
    found = {each.where: each.detail for each in first.differences if each.projection.table == "balances"}
    assert "debits_posted is 20001, its entries say 20000" in found["plan:p-1:principal GBP"]
    assert "credit_limit_minor is 0, its entries say 5000" in found["plan:p-1:principal GBP"]
    assert found["merchant:m-1:payable GBP"] == "there is no row, and there must be one"
    assert second.differences == ()
    connection.commit()
    assert verify(PostgresAudit(connection)).faults == ()
    books.post(a_purchase(key="o-3"))  # the triggers are back
    connection.commit()
    assert verify(PostgresAudit(connection)).faults == ()
