"""Seals the journal and the rows of other tables in PostgreSQL."""

from datetime import UTC

from ledger.database import Database
from ledger.proof.seal import RowSeal, Seal

_NEWEST = """
SELECT s.seal_no, encode(s.root, 'hex'), s.known_to, s.sealed_at, (SELECT sum(entries) FROM ledger.seals)
  FROM ledger.seals s ORDER BY s.seal_no DESC LIMIT 1
"""
_NEWEST_OF_ROWS = """
SELECT s.seal_no, encode(s.root, 'hex'), s.sealed_at, (SELECT sum(sealed_rows) FROM ledger.row_seals)
  FROM ledger.row_seals s ORDER BY s.seal_no DESC LIMIT 1
"""


class PostgresSeals:
    """Sealer over the schema `ledger`."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def seal_next(self, most: int, size: int) -> int:
        with self._connection.transaction():
            (found,) = self._connection.execute("SELECT ledger.seal_next(%s, %s)", (most, size)).fetchone()
        return int(found)

    def seal_rows(self, most: int, size: int) -> int:
        with self._connection.transaction():
            (found,) = self._connection.execute("SELECT ledger.seal_rows(%s, %s)", (most, size)).fetchone()
        return int(found)

    def newest(self) -> Seal | None:
        row = self._connection.execute(_NEWEST).fetchone()
        if row is None:
            return None
        seal_no, root, known_to, sealed_at, entries = row
        return Seal(seal_no, root, known_to.astimezone(UTC), sealed_at.astimezone(UTC), int(entries))

    def newest_of_rows(self) -> RowSeal | None:
        row = self._connection.execute(_NEWEST_OF_ROWS).fetchone()
        if row is None:
            return None
        seal_no, root, sealed_at, rows = row
        return RowSeal(seal_no, root, sealed_at.astimezone(UTC), int(rows))
