"""The API's access to PostgreSQL: connection pool, transactions and idempotency keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Error, InterfaceError, OperationalError
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure, UniqueViolation
from psycopg_pool import ConnectionPool, PoolTimeout

from ledger.identity.principal import Principal
from terminal.fault import Fault


class Unavailable(Fault):
    """Raised when the database cannot be reached; nothing was committed, except as described by `Lost`."""


class Lost(Unavailable):
    """Raised when the connection broke during a transaction, which may or may not have committed."""


class Busy(Exception):
    """Raised when a lock was not obtained in time."""


class WrittenMeanwhile(Exception):
    """Raised when another transaction wrote the same identity first; a retry finds what it wrote."""


Connection = psycopg.Connection[Any]
Pool = ConnectionPool[Connection]


def open_pool(database_url: str, size: int, wait_seconds: float) -> Pool:
    """A pool that waits at most `wait_seconds` for a connection or a lock; the database may become available later."""
    milliseconds = int(wait_seconds * 1000)
    return ConnectionPool(
        database_url,
        min_size=size,
        max_size=size,
        timeout=wait_seconds,
        reconnect_timeout=30,
        open=False,
        name="decisions",
        kwargs={
            "options": f"-c lock_timeout={milliseconds} -c timezone=UTC",
            "application_name": "tranche-serving",
            "connect_timeout": 2,
            "prepare_threshold": 0,
        },
    )


@contextmanager
def serving_connection(database_url: str) -> Iterator[Connection]:
    """One connection outside the pool, for a command; `Unavailable` when the database cannot be reached."""
    try:
        with psycopg.connect(database_url, options="-c timezone=UTC") as connection:
            yield connection
    except OperationalError as error:
        raise Unavailable(f"the database cannot be reached: {error}") from error


@contextmanager
def transaction(pool: Pool) -> Iterator[Connection]:
    """A database transaction, committed at the end or rolled back on an exception; raises this module's errors."""
    try:
        with pool.connection() as connection:
            yield connection
    except (LockNotAvailable, DeadlockDetected, SerializationFailure) as error:
        raise Busy(str(error)) from error
    except UniqueViolation as error:
        raise WrittenMeanwhile(str(error)) from error
    except PoolTimeout as error:
        raise Unavailable(str(error)) from error
    except (OperationalError, InterfaceError) as error:
        raise Lost(str(error)) from error


def reachable(pool: Pool) -> bool:
    """Whether the database answers and has been migrated for this API."""
    try:
        with pool.connection(timeout=1) as connection:
            row = connection.execute("SELECT to_regclass('serving.idempotency_keys') IS NOT NULL").fetchone()
            return bool(row and row[0])
    except Error:
        return False


def has_plan(connection: Connection, plan_id: str, by: Principal) -> bool:
    """Whether there is such a plan in the principal's scope."""
    row = connection.execute("SELECT merchant_id FROM lending.plans WHERE plan_id = %s", (plan_id,)).fetchone()
    return row is not None and by.sees(row[0])


@dataclass(frozen=True, slots=True)
class Claimed:
    """The key was unused and now belongs to this request."""


@dataclass(frozen=True, slots=True)
class ClaimedBefore:
    """An earlier request used the key; `request` is what it asked for."""

    request: str


class IdempotencyKeys:
    """Idempotency keys of the merchant or principal that sends a request; never commits."""

    def __init__(self, connection: Connection, by: Principal) -> None:
        self._connection = connection
        self._owner = f"principal:{by.principal_id}" if by.merchant_id is None else f"merchant:{by.merchant_id}"
        self._sent_by = by.principal_id

    def claim(self, route: str, key: str, request: str, at: datetime) -> Claimed | ClaimedBefore:
        """Claim the key for the request. Waits while another transaction is claiming the same key."""
        claimed = self._connection.execute(
            "INSERT INTO serving.idempotency_keys (owner, route, key, request, claimed_at, sent_by) "
            "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (self._owner, route, key, request, at, self._sent_by),
        )
        if claimed.rowcount:
            return Claimed()
        row = self._connection.execute(
            "SELECT request FROM serving.idempotency_keys WHERE owner = %s AND route = %s AND key = %s",
            (self._owner, route, key),
        ).fetchone()
        assert row is not None, "a key that conflicts is there"
        return ClaimedBefore(row[0])
