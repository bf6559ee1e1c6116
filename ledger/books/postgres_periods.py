"""Closes periods of the books in PostgreSQL."""

from datetime import date, datetime
from typing import Any

import psycopg

from ledger.books.postgres import PostgresLedger

_ANNOUNCE = "INSERT INTO ledger.periods (through, closed_at) VALUES (%s, %s) ON CONFLICT (through) DO NOTHING"
_WAIT = "SELECT ledger.wait_for_writers(%s)"


class PostgresPeriods(PostgresLedger):
    """PeriodBooks over the schema `ledger`. It commits, so that other sessions see the announcement of a close."""

    def __init__(self, connection: "psycopg.Connection[Any]", *, patience_s: int = 60) -> None:
        super().__init__(connection)
        self._commit = connection.commit
        self._patience_s = patience_s

    def announce_close(self, through: date, *, at: datetime) -> None:
        self._connection.execute(_ANNOUNCE, (through, at))
        self._commit()

    def wait_for_writers(self) -> bool:
        (ended,) = self._connection.execute(_WAIT, (self._patience_s,)).fetchone()
        self._commit()
        return bool(ended)
