"""Principals in PostgreSQL, within the caller's database transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from ledger.identity.key import EndOfKey, Key, NewKey
from ledger.identity.principal import LOCAL, IdentityChange, KnownKey, Principal

_READ = """
SELECT p.principal_id, p.role, p.added_at, p.expires_at, r.revoked_at, p.merchant_id
  FROM ledger.principals p LEFT JOIN ledger.principal_revocations r USING (principal_id)
"""
_BY_KEY = """
SELECT principal_id, role, added_at, expires_at, revoked_at, merchant_id, key_id, principal_id, made_at, ends_at
  FROM ledger.known_keys WHERE key_hash = %s
"""
_KEYS = """
SELECT key_id, principal_id, made_at, ends_at FROM ledger.known_keys
 WHERE %(principal)s::text IS NULL OR principal_id = %(principal)s ORDER BY principal_id, number
"""
_CHANGES = """
SELECT changed_at, change, principal_id, key_id, changed_by, reason, ends_at
  FROM ledger.identity_changes ORDER BY changed_at, principal_id, key_id NULLS FIRST
"""
_ADD = """
INSERT INTO ledger.principals (principal_id, role, expires_at, added_at, merchant_id, added_by, reason)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (principal_id) DO NOTHING
"""
# Two keys made at the same moment would have one number; the second waits for the first and fails on its identity.
_ADD_KEY = """
INSERT INTO ledger.principal_keys (key_id, principal_id, number, key_hash, made_at, expires_at, made_by, reason)
SELECT %(principal)s || '.' || number, %(principal)s, number, %(hash)s, %(at)s, %(expires)s, %(by)s, %(reason)s
  FROM (SELECT coalesce(max(number), 0) + 1 AS number
          FROM ledger.principal_keys WHERE principal_id = %(principal)s) AS next
RETURNING key_id
"""
_END_KEY = "INSERT INTO ledger.key_ends (key_id, ends_at, set_at, ended_by, reason) VALUES (%s, %s, %s, %s, %s)"
_REVOKE = """
INSERT INTO ledger.principal_revocations (principal_id, revoked_at, revoked_by, reason) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""


class PostgresPrincipals:
    """Principals over the schema `ledger`. It never commits."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def add(
        self, principal: Principal, key_hash: bytes | None, *, by: str | None = None, reason: str | None = None
    ) -> bool:
        who, at = principal.principal_id, principal.added_at
        row = (who, principal.role, principal.expires_at, at, principal.merchant_id, by, reason)
        new = self._connection.execute(_ADD, row).rowcount == 1
        if new and key_hash is not None:
            self.add_key(NewKey(who, key_hash, at, by=by, reason=reason))
        return new

    def add_key(self, new: NewKey) -> Key:
        row = self._connection.execute(
            _ADD_KEY,
            {
                "principal": new.principal_id,
                "hash": new.key_hash,
                "at": new.made_at,
                "expires": new.expires_at,
                "by": new.by,
                "reason": new.reason,
            },
        ).fetchone()
        assert row is not None, "an insert returns its row"
        return Key(row[0], new.principal_id, new.made_at, new.expires_at)

    def end_key(self, end: EndOfKey) -> None:
        self._connection.execute(_END_KEY, (end.key_id, end.ends_at, end.set_at, end.by, end.reason))

    def by_key(self, key_hash: bytes) -> KnownKey | None:
        row = self._connection.execute(_BY_KEY, (key_hash,)).fetchone()
        return None if row is None else KnownKey(Principal(*row[:6]), Key(*row[6:]))

    def by_id(self, principal_id: str) -> Principal | None:
        row = self._connection.execute(f"{_READ} WHERE p.principal_id = %s", (principal_id,)).fetchone()
        return None if row is None else Principal(*row)

    def listed(self) -> Sequence[Principal]:
        return [Principal(*row) for row in self._connection.execute(f"{_READ} ORDER BY p.principal_id")]

    def keys(self, principal_id: str | None = None) -> Sequence[Key]:
        return [Key(*row) for row in self._connection.execute(_KEYS, {"principal": principal_id})]

    def changes(self) -> Sequence[IdentityChange]:
        return [IdentityChange(*row) for row in self._connection.execute(_CHANGES)]

    def revoke(self, principal_id: str, at: datetime, *, by: str | None = None, reason: str | None = None) -> bool:
        return self._connection.execute(_REVOKE, (principal_id, at, by, reason)).rowcount == 1


def add_local_principal(connection: Connection[Any], at: datetime) -> None:
    """Let a local runtime's commands be used without a key: a principal that may do everything. Idempotent."""
    PostgresPrincipals(connection).add(Principal(LOCAL, "owner", at), None)
