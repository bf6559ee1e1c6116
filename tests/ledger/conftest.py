"""What the suites over every store of the books share."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from ledger.books.memory import MemoryLedger
from ledger.books.postgres import PostgresLedger
from ledger.proof.postgres_seals import PostgresSeals
from ledger.proof.seal import seal

Store = MemoryLedger | PostgresLedger


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Books in memory and in PostgreSQL, with no more than the application's rights."""
    if request.param == "memory":
        yield MemoryLedger()
        return
    connection: psycopg.Connection[Any] = request.getfixturevalue("connection")
    connection.execute("SET ROLE tranche_application")
    connection.commit()
    yield PostgresLedger(connection)
    connection.rollback()


@pytest.fixture
def settle(store: Store, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Seal everything that is in the store so far."""
    if isinstance(store, MemoryLedger):
        return store.seal
    connection: psycopg.Connection[Any] = request.getfixturevalue("connection")

    def sealed() -> None:
        connection.commit()
        connection.execute("RESET ROLE")
        seal(PostgresSeals(connection), size=2)
        connection.commit()
        connection.execute("SET ROLE tranche_application")

    return sealed
