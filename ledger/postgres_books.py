"""Reads the books in PostgreSQL."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from ledger.account import Balance
from ledger.database import Database
from ledger.flows import money_map
from ledger.journal import Journal
from ledger.money import Currency, Money
from ledger.statement import OpenGroup, Posted, StatementLine, TrialBalance, statement_lines, trial_balance_lines
from ledger.store import Act, Entry, Hold
from ledger.transfer import Transfer

_HEADER = """
r.entry_id, r.position, r.act, r.flow, r.template_version, r.value_date, r.occurred_at, r.recorded_at,
r.correlation, r.hold_id, r.expires_at
"""
_ENTRIES = f"SELECT {_HEADER} FROM ledger.entries r WHERE r.correlation @> %s::jsonb ORDER BY r.position"  # noqa: S608
_TRANSFERS = """
SELECT entry_id, debit_account, credit_account, currency, amount_minor
  FROM ledger.transfers WHERE entry_id = ANY(%s) ORDER BY entry_id, number
"""
_HOLDS = f"""
SELECT {_HEADER} FROM ledger.entries r
 WHERE r.act = 'hold'
   AND (%(hold_id)s::text IS NULL OR r.entry_id = %(hold_id)s)
   AND (%(expired_at)s::timestamptz IS NULL OR r.expires_at <= %(expired_at)s)
   AND (NOT %(open)s OR EXISTS (SELECT FROM ledger.held_transfers h
                                 WHERE h.hold_id = r.entry_id AND h.remaining_minor > 0))
 ORDER BY r.expires_at NULLS LAST, r.entry_id
"""  # noqa: S608 - only a fixed list of columns is put in
_HELD = """
SELECT hold_id, debit_account, credit_account, currency, amount_minor, remaining_minor, voided
  FROM ledger.held_transfers WHERE hold_id = ANY(%s) ORDER BY hold_id, number
"""
_BALANCE = """
SELECT debits_posted, credits_posted, debits_pending, credits_pending
  FROM ledger.balances WHERE account = %s AND currency = %s
"""
_NETS = "SELECT account, currency, debits_posted - credits_posted FROM ledger.balances"
_NETS_AS_OF = """
SELECT s.account, s.currency, sum(s.minor)::bigint
  FROM (SELECT debit_account AS account, currency, amount_minor AS minor, entry_id FROM ledger.transfers
         WHERE NOT pending
        UNION ALL
        SELECT credit_account, currency, -amount_minor, entry_id FROM ledger.transfers WHERE NOT pending) s
  JOIN ledger.requests r USING (entry_id)
 WHERE r.value_date <= %s
 GROUP BY s.account, s.currency
"""
_STATEMENT = """
SELECT r.value_date, r.entry_id, r.flow, t.debit_account, t.credit_account, t.currency, t.amount_minor
  FROM ledger.transfers t JOIN ledger.requests r USING (entry_id)
 WHERE %(account)s IN (t.debit_account, t.credit_account) AND t.currency = %(currency)s AND NOT t.pending
   AND (%(as_of)s::date IS NULL OR r.value_date <= %(as_of)s)
 ORDER BY r.position, t.number
"""
_OPEN_GROUPS = """
WITH moved AS (
    SELECT t.entry_id, t.debit_account, t.credit_account, t.currency, t.amount_minor AS posted, 0 AS pending
      FROM ledger.transfers t WHERE NOT t.pending
    UNION ALL
    SELECT h.hold_id, h.debit_account, h.credit_account, h.currency, 0, h.remaining_minor
      FROM ledger.held_transfers h WHERE h.remaining_minor > 0
), sides AS (
    SELECT entry_id, debit_account AS account, currency, posted, pending FROM moved
    UNION ALL
    SELECT entry_id, credit_account, currency, -posted, -pending FROM moved
)
SELECT s.account, s.currency, g.key, coalesce(r.correlation ->> g.key, '') AS value,
       sum(s.posted)::bigint, sum(s.pending)::bigint, min(r.value_date) AS since
  FROM sides s
  JOIN ledger.accounts a USING (account, currency)
  JOIN unnest(%s::text[], %s::text[]) AS g (pattern, key) USING (pattern)
  JOIN ledger.requests r USING (entry_id)
 WHERE r.value_date <= %s
 GROUP BY s.account, s.currency, g.key, value
HAVING sum(s.posted) <> 0 OR sum(s.pending) <> 0
 ORDER BY since, s.account, value
"""


class PostgresBooks:
    """Books over the schema `ledger`, as the connection's database transaction sees it."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def balance(self, account: str, currency: Currency) -> Balance:
        money_map().account_type(account)
        row = self._connection.execute(_BALANCE, (account, currency)).fetchone()
        return Balance(currency) if row is None else Balance(currency, *row)

    def entries(self, *, correlation: Mapping[str, str]) -> tuple[Entry, ...]:
        rows = list(self._connection.execute(_ENTRIES, (json.dumps(dict(correlation), ensure_ascii=False),)))
        transfers = self._transfers([row[0] for row in rows])
        return tuple(_entry(row, transfers[row[0]]) for row in rows)

    def find_hold(self, hold_id: str) -> Hold | None:
        found = self._holds({"hold_id": hold_id, "expired_at": None, "open": False})
        return found[0] if found else None

    def open_holds(self, *, expired_at: datetime | None = None) -> tuple[Hold, ...]:
        return self._holds({"hold_id": None, "expired_at": expired_at, "open": True})

    def trial_balance(self, as_of: date | None = None) -> TrialBalance:
        statement = (_NETS, ()) if as_of is None else (_NETS_AS_OF, (as_of,))
        nets = {(account, Currency(currency)): net for account, currency, net in self._connection.execute(*statement)}
        return TrialBalance(as_of, trial_balance_lines(nets))

    def statement(self, account: str, currency: Currency, *, as_of: date | None = None) -> tuple[StatementLine, ...]:
        wanted = {"account": account, "currency": currency, "as_of": as_of}
        rows = self._connection.execute(_STATEMENT, wanted)
        posted = [Posted(day, entry_id, flow, _transfer(row)) for day, entry_id, flow, *row in rows]
        return statement_lines(account, currency, posted)

    def open_groups(self, as_of: date) -> tuple[OpenGroup, ...]:
        grouped = [(kind.pattern, kind.group) for kind in money_map().chart if kind.group is not None]
        patterns, keys = [pattern for pattern, _ in grouped], [key for _, key in grouped]
        rows = self._connection.execute(_OPEN_GROUPS, (patterns, keys, as_of))
        return tuple(
            OpenGroup(account, key, value, Money(posted, Currency(currency)), Money(pending, Currency(currency)), since)
            for account, currency, key, value, posted, pending, since in rows
        )

    def _holds(self, wanted: Mapping[str, Any]) -> tuple[Hold, ...]:
        headers = list(self._connection.execute(_HOLDS, wanted))
        held = defaultdict(list)
        for hold_id, *row in self._connection.execute(_HELD, ([header[0] for header in headers],)):
            held[hold_id].append(row)
        return tuple(_hold(header, held[header[0]]) for header in headers)

    def _transfers(self, entry_ids: list[str]) -> Mapping[str, list[Transfer]]:
        found = defaultdict(list)
        for entry_id, *row in self._connection.execute(_TRANSFERS, (entry_ids,)):
            found[entry_id].append(_transfer(row))
        return found


def _entry(row: Any, transfers: Iterable[Transfer]) -> Entry:
    _, position, act, *_, hold_id, expires_at = row
    return Entry(position, Act(act), _journal(row, transfers), hold_id, _utc(expires_at))


def _hold(header: Any, held: list[Any]) -> Hold:
    journal = _journal(header, (_transfer(row) for row in held))
    remaining = tuple(Money(left, Currency(currency)) for _, _, currency, _, left, _ in held)
    voided = any(row[-1] for row in held)
    return Hold(journal.entry_id, journal, _utc(header[-1]), remaining, voided)


def _journal(row: Any, transfers: Iterable[Transfer]) -> Journal:
    entry_id, _, _, flow, template_version, value_date, occurred_at, recorded_at, correlation, _, _ = row
    return Journal(
        entry_id=entry_id,
        flow=flow,
        template_version=template_version,
        value_date=value_date,
        occurred_at=occurred_at.astimezone(UTC),
        recorded_at=recorded_at.astimezone(UTC),
        correlation=correlation,
        transfers=tuple(transfers),
    )


def _transfer(row: Any) -> Transfer:
    debit, credit, currency, minor, *_ = row
    return Transfer(debit, credit, Money(minor, Currency(currency)))


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
