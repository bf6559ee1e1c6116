"""The database connection that acts need, as protocols that a psycopg connection satisfies."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Parameters = Sequence[Any] | Mapping[str, Any]


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """Runs SQL within the caller's database transaction."""

    def execute(self, query: Any, params: Parameters | None = None) -> Rows:
        """Run one statement, or several when there are no parameters."""

    def transaction(self) -> AbstractContextManager[Any]:
        """A block that is committed as a whole, or rolled back on an exception."""
