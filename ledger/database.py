"""What an act needs of a database connection; a psycopg connection is one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Parameters = Sequence[Any] | Mapping[str, Any]


class Rows(Protocol):
    """The answer to a statement."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """Runs SQL. Statements belong to the caller's database transaction."""

    def execute(self, query: Any, params: Parameters | None = None) -> Rows:
        """Run one statement, or several when there are no parameters."""

    def transaction(self) -> AbstractContextManager[Any]:
        """A block that is kept whole or undone whole."""
