"""Reads the final facts of the outbox and of the journal in PostgreSQL, in order, for the relay."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg

from ledger.outbox.fact_log import Horizon, OvertakenRelay, Progress, Written

OUTBOX, JOURNAL = "outbox", "journal"
LOGS = (OUTBOX, JOURNAL)

_WHOLE = """
SELECT o.position, o.event_id, o.event_type, o.key,
       (o.payload || jsonb_build_object('sequence', o.position))::text
  FROM ledger.outbox o WHERE o.position > %(after)s AND o.position <= %(through)s
 ORDER BY o.position LIMIT %(limit)s
"""
# An entry is published once it is posted: not while it is held, and not when it is refused.
_POSTED = """
SELECT r.position FROM ledger.requests r
 WHERE r.position > %(after)s AND r.position <= %(through)s AND r.act IN ('post', 'post_hold', 'reverse')
   AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position)
 ORDER BY r.position LIMIT %(limit)s
"""
_MOMENT = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_ENTRIES = f"""
WITH chosen AS MATERIALIZED ({_POSTED}), moved AS (
    SELECT t.position,
           json_agg(json_build_object('debit', d.account, 'credit', c.account, 'minor', t.amount_minor,
                                      'currency', d.currency) ORDER BY t.number)::text AS transfers
      FROM chosen JOIN ledger.transfers t USING (position)
      JOIN ledger.accounts d ON d.account_id = t.debit JOIN ledger.accounts c ON c.account_id = t.credit
     GROUP BY t.position
)
SELECT r.position, 'ledger:' || r.entry_id, 'ledger_entry.v1',
       coalesce(r.correlation ->> 'plan_id', r.correlation ->> 'order_id', r.entry_id),
       jsonb_build_object(
           'event_id', 'ledger:' || r.entry_id, 'event_type', 'ledger_entry.v1', 'source', 'platform',
           'occurred_at', {_MOMENT.format("r.occurred_at")},
           'recorded_at', {_MOMENT.format("greatest(r.occurred_at, r.recorded_at)")},
           'sequence', r.position, 'entry_id', r.entry_id, 'flow', r.flow, 'value_date', r.value_date,
           'plan_id', r.correlation ->> 'plan_id', 'order_id', r.correlation ->> 'order_id',
           'transfers', m.transfers
       )::text
  FROM moved m JOIN ledger.requests r USING (position) ORDER BY r.position
"""  # noqa: S608 - built from the constants above
_READ = {OUTBOX: _WHOLE, JOURNAL: _ENTRIES}
_DRAWN = {
    OUTBOX: "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ledger.outbox_position_seq",
    JOURNAL: "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ledger.positions",
}
_LEFT = {
    OUTBOX: "SELECT count(*), min(recorded_at) FROM ledger.outbox WHERE position > %s",
    JOURNAL: """
SELECT count(*), min(r.recorded_at) FROM ledger.requests r
 WHERE r.position > %s AND r.act IN ('post', 'post_hold', 'reverse')
   AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position)
""",
}
# A transaction id of our own, because it is larger than every id assigned so far. The snapshot's xmax would not do: it
# is one past the newest transaction that ended, and a running transaction can have that very id.
_TXID = "SELECT pg_current_xact_id()::text"
_ENDED = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::xid8"


@contextmanager
def relaying(database_url: str) -> "Iterator[PostgresLogs]":
    """The logs on their own connection. A second relay blocks here until the first one's connection has closed."""
    with psycopg.connect(database_url, autocommit=True, application_name="tranche relay") as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('ledger.relay', 0))")
        yield PostgresLogs(connection)


class PostgresLogs:
    """FactLogs over a connection in autocommit mode, so that no transaction stays open while a page is published."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    @property
    def names(self) -> Sequence[str]:
        return LOGS

    def progress(self, log: str) -> Progress:
        row = self._one(
            "SELECT position, seen_position, seen_txid::text FROM ledger.relay_positions WHERE log = %s", (log,)
        )
        return Progress(row[0], Horizon(row[1], row[2]))

    def horizon(self, log: str) -> Horizon:
        """The horizon now. The position is read first, so its transaction is older than the id read after it."""
        (position,) = self._one(_DRAWN[log])
        (txid,) = self._one(_TXID)
        return Horizon(position, txid)

    def reached(self, horizon: Horizon) -> bool:
        """Whether every transaction before the horizon has ended, in all databases of the server."""
        return bool(self._one(_ENDED, (horizon.txid,))[0])

    def remember(self, log: str, seen: Horizon) -> None:
        """Store a horizon for the next run."""
        self._connection.execute(
            "UPDATE ledger.relay_positions SET seen_position = %s, seen_txid = %s::xid8 WHERE log = %s",
            (seen.position, seen.txid, log),
        )

    def read(self, log: str, *, after: int, through: int, limit: int) -> list[Written]:
        """The next facts after position `after`, in order, up to position `through`, which must be final."""
        rows = self._connection.execute(_READ[log], {"after": after, "through": through, "limit": limit})
        return [
            Written(position, event_id, event_type, key, body.encode())
            for position, event_id, event_type, key, body in rows
        ]

    def mark(self, log: str, *, after: int, position: int) -> None:
        """Mark facts up to `position` as published. Raises OvertakenRelay when another relay moved on from `after`."""
        moved = self._connection.execute(
            "UPDATE ledger.relay_positions SET position = %s WHERE log = %s AND position = %s", (position, log, after)
        )
        if moved.rowcount != 1:
            raise OvertakenRelay(f"another relay has moved the {log} on from position {after}")

    def left(self, log: str) -> tuple[int, datetime | None]:
        """The number of unpublished facts, and when the oldest of them was recorded."""
        count, since = self._one(_LEFT[log], (self.progress(log).position,))
        return count, since

    def _one(self, query: str, parameters: Sequence[object] = ()) -> tuple[Any, ...]:
        row = self._connection.execute(query, parameters).fetchone()
        assert row is not None, query
        return tuple(row)
