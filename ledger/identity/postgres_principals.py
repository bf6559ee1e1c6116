"""Principals in PostgreSQL, within the caller's database transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from ledger.identity.principal import LOCAL, Principal

_READ = """
SELECT p.principal_id, p.role, p.added_at, p.expires_at, r.revoked_at
  FROM ledger.principals p LEFT JOIN ledger.principal_revocations r USING (principal_id)
"""
_ADD = """
INSERT INTO ledger.principals (principal_id, role, key_hash, expires_at, added_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (principal_id) DO NOTHING
"""
_REVOKE = """
INSERT INTO ledger.principal_revocations (principal_id, revoked_at) VALUES (%s, %s) ON CONFLICT DO NOTHING
"""


class PostgresPrincipals:
    """Principals over the schema `ledger`. It never commits."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def add(self, principal: Principal, key_hash: bytes | None) -> bool:
        row = (principal.principal_id, principal.role, key_hash, principal.expires_at, principal.added_at)
        return self._connection.execute(_ADD, row).rowcount == 1

    def by_key(self, key_hash: bytes) -> Principal | None:
        return self._one(f"{_READ} WHERE p.key_hash = %s", key_hash)

    def by_id(self, principal_id: str) -> Principal | None:
        return self._one(f"{_READ} WHERE p.principal_id = %s", principal_id)

    def listed(self) -> Sequence[Principal]:
        return [Principal(*row) for row in self._connection.execute(f"{_READ} ORDER BY p.principal_id")]

    def revoke(self, principal_id: str, at: datetime) -> bool:
        return self._connection.execute(_REVOKE, (principal_id, at)).rowcount == 1

    def _one(self, query: str, parameter: object) -> Principal | None:
        row = self._connection.execute(query, (parameter,)).fetchone()
        return None if row is None else Principal(*row)


def add_local_principal(connection: Connection[Any], at: datetime) -> None:
    """Let a local runtime be worked on without a key: a principal that has none, and may do everything. Idempotent."""
    PostgresPrincipals(connection).add(Principal(LOCAL, "owner", at), None)
