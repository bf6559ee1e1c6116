"""Reads everything recorded in PostgreSQL for verify, row by row."""

from collections.abc import Iterator, Mapping
from datetime import UTC
from itertools import groupby
from typing import Any

import psycopg

from ledger.account import Balance
from ledger.journal import Journal
from ledger.money import Currency, Money
from ledger.posting import AccountKey
from ledger.store import Act, Request
from ledger.transfer import Transfer
from ledger.verify import OpenedAccount, Resolution, Written

_WRITTEN = """
SELECT r.entry_id, r.act, r.flow, r.template_version, r.value_date, r.occurred_at, r.recorded_at, r.correlation,
       r.hold_id, r.expires_at, r.transfer_count, r.body_digest, r.digest, f.reasons, f.digest,
       t.debit_account, t.credit_account, t.currency, t.amount_minor
  FROM ledger.requests r
  LEFT JOIN ledger.refusals f USING (entry_id)
  LEFT JOIN ledger.transfers t USING (entry_id)
 ORDER BY r.position, t.number
"""
_RESOLUTIONS = "SELECT hold_id, number, entry_id, amount_minor FROM ledger.hold_events"
_ACCOUNTS = "SELECT account, currency, pattern, kind, normal, opened_by FROM ledger.accounts"
_BALANCES = """
SELECT account, currency, debits_posted, credits_posted, debits_pending, credits_pending FROM ledger.balances
"""
_HEADER = 15  # columns of a request in _WRITTEN, before those of its transfer


def connect_for_audit(database_url: str) -> "psycopg.Connection[Any]":
    """A connection that sees the books as of one moment, however long the reading takes, and writes nothing."""
    connection = psycopg.connect(database_url, application_name="tranche verify")
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


class PostgresAudit:
    """Audit over the schema `ledger`."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def written(self) -> Iterator[Written]:
        with self._connection.cursor(name="written") as cursor:
            cursor.itersize = 5_000
            cursor.execute(_WRITTEN)
            for _, rows in groupby(cursor, key=lambda row: row[0]):
                together = list(rows)
                transfers = [row[_HEADER:] for row in together if row[_HEADER] is not None]
                yield _written(together[0][:_HEADER], transfers)

    def resolutions(self) -> Iterator[Resolution]:
        with self._connection.cursor(name="resolutions") as cursor:
            for row in cursor.execute(_RESOLUTIONS):
                yield Resolution(*row)

    def accounts(self) -> Mapping[AccountKey, OpenedAccount]:
        rows = self._connection.execute(_ACCOUNTS)
        return {(account, Currency(currency)): OpenedAccount(*described) for account, currency, *described in rows}

    def balances(self) -> Mapping[AccountKey, Balance]:
        rows = self._connection.execute(_BALANCES)
        return {(account, Currency(code)): Balance(Currency(code), *counters) for account, code, *counters in rows}


def _written(header: Any, transfers: list[Any]) -> Written:
    entry_id, act, *described, hold_id, expires_at, transfer_count, body_digest, digest, reasons, of_reasons = header
    request = None
    if transfers:
        request = Request(Act(act), _journal(entry_id, described, transfers), hold_id, expires_at)
    refusal = None if reasons is None else (reasons, of_reasons)
    return Written(entry_id, request, transfer_count, body_digest, digest, refusal)


def _journal(entry_id: str, described: Any, transfers: list[Any]) -> Journal:
    flow, template_version, value_date, occurred_at, recorded_at, correlation = described
    return Journal(
        entry_id=entry_id,
        flow=flow,
        template_version=template_version,
        value_date=value_date,
        occurred_at=occurred_at.astimezone(UTC),
        recorded_at=recorded_at.astimezone(UTC),
        correlation=correlation,
        transfers=tuple(
            Transfer(debit, credit, Money(minor, Currency(currency))) for debit, credit, currency, minor in transfers
        ),
    )
