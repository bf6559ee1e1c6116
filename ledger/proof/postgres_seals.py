"""Seals the journal in PostgreSQL."""

from datetime import UTC

from ledger.database import Database
from ledger.proof.seal import Seal

_NEWEST = """
SELECT s.seal_no, encode(s.root, 'hex'), s.known_to, s.sealed_at, (SELECT sum(entries) FROM ledger.seals)
  FROM ledger.seals s ORDER BY s.seal_no DESC LIMIT 1
"""


class PostgresSeals:
    """Sealer over the schema `ledger`."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def seal_next(self, most: int, size: int) -> int:
        with self._connection.transaction():
            (found,) = self._connection.execute("SELECT ledger.seal_next(%s, %s)", (most, size)).fetchone()
        return int(found)

    def newest(self) -> Seal | None:
        row = self._connection.execute(_NEWEST).fetchone()
        if row is None:
            return None
        seal_no, root, known_to, sealed_at, entries = row
        return Seal(seal_no, root, known_to.astimezone(UTC), sealed_at.astimezone(UTC), int(entries))
