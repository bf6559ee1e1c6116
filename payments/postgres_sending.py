"""Guards and raw messages in PostgreSQL. A guard is a session lock, so it ends when its holder dies."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from psycopg import Connection

from payments.sending import message_id_of


class PostgresSending:
    """Needs a connection in autocommit mode, so that a guard can be taken outside any transaction."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    @contextmanager
    def guard(self, ids: Sequence[str]) -> Iterator[list[str]]:
        """See `Sending.guard`."""
        taken: list[str] = []
        try:
            for each in sorted(ids):
                row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_lock(each),)).fetchone()
                if row is not None and row[0]:
                    taken.append(each)
            yield taken
        finally:
            for each in taken:
                self._connection.execute("SELECT pg_advisory_unlock(%s)", (_lock(each),))

    def keep_message(self, direction: str, kind: str, about: str, body: str, at: datetime) -> str:
        """See `Sending.keep_message`. The id is a hash of the content, so an existing id has the same content."""
        message_id = message_id_of(direction, kind, about, body)
        self._connection.execute(
            "INSERT INTO payments.messages (message_id, direction, kind, about, body, seen_at)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (message_id, direction, kind, about, body, at),
        )
        return message_id


def _lock(name: str) -> int:
    """The lock number for a name: 63 bits of its hash."""
    return int.from_bytes(hashlib.sha256(f"attempt\n{name}".encode()).digest()[:8], "big") >> 1
