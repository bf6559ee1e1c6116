"""Readings in PostgreSQL, within the caller's database transaction."""

from collections.abc import Sequence
from datetime import UTC

from serving.entrance.access_record import AccessRecord, NumberedAccess
from serving.postgres import Connection

_ADD = """
INSERT INTO serving.access_records (read_at, principal_id, purpose, route, subject) VALUES (%s, %s, %s, %s, %s)
"""
_NEWEST = """
SELECT number, read_at, principal_id, purpose, route, subject FROM serving.access_records
 WHERE (%(subject)s::text IS NULL OR subject = %(subject)s)
   AND (%(principal)s::text IS NULL OR principal_id = %(principal)s)
   AND (%(before)s::bigint IS NULL OR number < %(before)s)
 ORDER BY number DESC LIMIT %(most)s
"""


class PostgresAccesses:
    """Accesses over the schema `serving`. It never commits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, record: AccessRecord) -> None:
        self._connection.execute(
            _ADD, (record.read_at, record.principal_id, record.purpose, record.route, record.subject)
        )

    def newest(
        self, *, subject: str | None, principal_id: str | None, before: int | None, most: int
    ) -> Sequence[NumberedAccess]:
        asked = {"subject": subject, "principal": principal_id, "before": before, "most": most}
        return [
            NumberedAccess(number, AccessRecord(read_at.astimezone(UTC), *rest))
            for number, read_at, *rest in self._connection.execute(_NEWEST, asked)
        ]
