"""The database connections of the acts of payments."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from terminal.fault import Fault

Connection = psycopg.Connection[Any]


class DatabaseDown(Fault):
    """Raised when the database cannot be reached."""


class DatabaseBusy(Fault):
    """Raised when what another run holds was not released in time."""


@contextmanager
def connected(database_url: str, *, patience_s: int | None = None) -> Iterator[Connection]:
    """A connection in autocommit mode, for acts that open their own transactions; raises DatabaseDown.

    With `patience_s` whoever waits longer for a lock gets DatabaseBusy.
    """
    try:
        connection = psycopg.connect(database_url, autocommit=True, application_name="tranche-payments")
    except psycopg.OperationalError as error:
        raise DatabaseDown(f"the database cannot be reached: {error}") from error
    with connection:
        connection.execute("SET TIME ZONE 'UTC'")
        if patience_s is not None:
            connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{patience_s}s",))
        try:
            yield connection
        except psycopg.errors.LockNotAvailable as error:
            raise DatabaseBusy(f"another run holds what this one needs: {error}") from error


@contextmanager
def snapshot(database_url: str) -> Iterator[Connection]:
    """A connection inside one transaction that reads a single, consistent snapshot of the database."""
    with connected(database_url) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield connection
