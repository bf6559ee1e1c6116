"""Reads all posted journals in PostgreSQL on one snapshot."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date
from itertools import groupby
from operator import itemgetter
from typing import Any

import psycopg

from ledger.account import AccountKind, Side
from ledger.books.posted_books import UsedAccount
from ledger.books.postgres_books import PostgresBooks
from ledger.journal import Journal
from ledger.money import Currency, Money
from ledger.transfer import Transfer

_USED = """
SELECT a.account, a.currency, a.kind, min(r.value_date)
  FROM (SELECT debit AS account_id, position FROM ledger.transfers WHERE NOT pending
        UNION ALL SELECT credit, position FROM ledger.transfers WHERE NOT pending) s
  JOIN ledger.accounts a USING (account_id)
  JOIN ledger.requests r USING (position)
 WHERE r.value_date <= coalesce(%s, 'infinity'::date)
 GROUP BY a.account, a.currency, a.kind
 ORDER BY a.account COLLATE "C", a.currency
"""
_JOURNALS = """
SELECT r.position, r.entry_id, r.flow, r.template_version, r.value_date, r.occurred_at, r.recorded_at, r.correlation,
       r.original_date, c.entry_id, d.account, k.account, d.currency, t.amount_minor
  FROM ledger.requests r
  JOIN ledger.transfers t ON t.position = r.position AND NOT t.pending
  JOIN ledger.accounts d ON d.account_id = t.debit
  JOIN ledger.accounts k ON k.account_id = t.credit
  LEFT JOIN ledger.requests c ON c.position = r.corrects
 WHERE r.value_date <= coalesce(%s, 'infinity'::date)
 ORDER BY r.value_date, r.position, t.number
"""
_HEADER = 10  # columns of a journal, before those of its transfer


@contextmanager
def connect_to_read(database_url: str) -> "Iterator[PostgresPostedBooks]":
    """The posted books on one snapshot, which stays the same however long they are read."""
    with psycopg.connect(database_url, application_name="tranche export") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield PostgresPostedBooks(connection)


class PostgresPostedBooks:
    """PostedBooks over the schema `ledger`."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def used_accounts(self, as_of: date | None) -> tuple[UsedAccount, ...]:
        nets = {
            (line.account, line.amount.currency): line.amount if line.side is Side.DEBIT else -line.amount
            for line in PostgresBooks(self._connection).trial_balance(as_of).lines
        }
        used = []
        for account, rows in groupby(self._connection.execute(_USED, (as_of,)), key=itemgetter(0)):
            together = [(Currency(currency), kind, since) for _, currency, kind, since in rows]
            balances = [nets.get((account, currency), Money.zero(currency)) for currency, *_ in together]
            since = min(since for *_, since in together)
            used.append(UsedAccount(account, AccountKind(together[0][1]), since, tuple(balances)))
        return tuple(used)

    def journals(self, as_of: date | None) -> Iterator[Journal]:
        with self._connection.cursor(name="journals") as cursor:
            cursor.itersize = 5_000
            cursor.execute(_JOURNALS, (as_of,))
            for _, rows in groupby(cursor, key=itemgetter(0)):
                yield _journal(list(rows))


def _journal(rows: list[Any]) -> Journal:
    _, entry_id, flow, version, value_date, occurred_at, recorded_at, correlation, original, corrects = rows[0][
        :_HEADER
    ]
    return Journal(
        entry_id=entry_id,
        flow=flow,
        template_version=version,
        value_date=value_date,
        occurred_at=occurred_at.astimezone(UTC),
        recorded_at=recorded_at.astimezone(UTC),
        correlation=correlation,
        transfers=tuple(
            Transfer(debit, credit, Money(minor, Currency(currency)))
            for debit, credit, currency, minor in (row[_HEADER:] for row in rows)
        ),
        original_date=original,
        corrects=corrects,
    )
