"""An ordinary entry is posted by one statement, with the answers and books that two statements give."""

from typing import Any

import psycopg
import pytest

from ledger.books.postgres import PostgresLedger
from ledger.books.store import AlreadyRecorded, Recorded, Refused
from ledger.map.flow import Flow
from ledger.money import Currency
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from tests.ledger.builders import a_claim, a_journal, a_purchase, pounds

Connection = psycopg.Connection[Any]
PRINCIPAL = "plan:p-1:principal"


def _repaid(amount: str, key: str) -> Any:
    return a_journal(
        Flow.DOWN_PAYMENT, key, amounts={"principal": pounds(amount)}, names={"plan": "p-1", "provider": "sim"}
    )


def test_an_entry_between_known_accounts_takes_one_statement(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.hold(a_claim("25.00", "a-1"))
    books.post(_repaid("1.00", "opens-the-clearing-account"))
    prepared: list[object] = []
    prepare = PostgresLedger._prepare

    def counted(*args: Any, **named: Any) -> Any:
        prepared.append(args)
        return prepare(*args, **named)

    monkeypatch.setattr(PostgresLedger, "_prepare", counted)

    assert isinstance(books.post(_repaid("50.00", "ordinary")), Recorded)
    assert prepared == []
    assert isinstance(books.post(_repaid("50.00", "ordinary")), AlreadyRecorded)
    refused = books.post(_repaid("24.01", "too-much"))
    assert isinstance(refused, Refused)
    assert [each.code for each in refused.reasons] == ["below_zero"]
    assert len(prepared) == 2
    assert isinstance(books.post(_repaid("24.00", "all-that-is-not-held")), Recorded)
    assert len(prepared) == 2
    balance = books.balance(PRINCIPAL, Currency.GBP)
    assert (balance.debits_posted - balance.credits_posted, balance.credits_pending) == (25_00, 25_00)
    assert verify(PostgresAudit(connection)).sound
