"""Closes periods of the books in PostgreSQL."""

from datetime import date, datetime
from typing import Any

import psycopg

from ledger.books.postgres import PostgresLedger
from ledger.migrate import PACKAGES

_ANNOUNCE = "INSERT INTO ledger.periods (through, closed_at) VALUES (%s, %s) ON CONFLICT (through) DO NOTHING"
_OBJECTING = """
SELECT n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.proname = 'objections_to_close' AND n.nspname = ANY (%s) ORDER BY n.nspname
"""
_WAIT = "SELECT ledger.wait_for_writers(%s)"


class PostgresPeriods(PostgresLedger):
    """PeriodBooks over the schema `ledger`. It commits, so that other sessions see the announcement of a close."""

    def __init__(self, connection: "psycopg.Connection[Any]", *, patience_s: int = 60) -> None:
        super().__init__(connection)
        self._commit = connection.commit
        self._patience_s = patience_s

    def objections_to_close(self) -> tuple[str, ...]:
        """What the function of this name in each package's schema says, where it has one."""
        schemas = [name for (name,) in list(self._connection.execute(_OBJECTING, (list(PACKAGES),)))]
        said = [list(self._connection.execute(f"SELECT {name}.objections_to_close()")) for name in schemas]
        self._commit()
        return tuple(why for rows in said for (why,) in rows)

    def announce_close(self, through: date, *, at: datetime) -> None:
        self._connection.execute(_ANNOUNCE, (through, at))
        self._commit()

    def wait_for_writers(self) -> bool:
        (ended,) = self._connection.execute(_WAIT, (self._patience_s,)).fetchone()
        self._commit()
        return bool(ended)
