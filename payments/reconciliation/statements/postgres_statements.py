"""Bank statements in PostgreSQL: their numbers, their places and their balances. Nothing here commits."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection

from payments.files.line import StatementHead

_END = """
SELECT number, place, opening_minor, closing_minor, closed_on FROM payments.statements
 WHERE bank_account = %s AND currency = %s ORDER BY place {order} LIMIT 1
"""
_ADD = """
INSERT INTO payments.statements (bank_account, currency, number, sha256, opening_minor, closing_minor, closed_on, place,
                                 skipped)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_EMPTY = """
SELECT (SELECT count(*) FROM payments.file_names n JOIN payments.files f USING (sha256)
         WHERE f.kind = 'bank_statement' AND f.rows = 0)
     - (SELECT coalesce(sum(skipped), 0) FROM payments.statements)
"""


@dataclass(frozen=True, slots=True)
class KeptStatement:
    """A statement that was taken: its number, its place among those of its account, and its balances."""

    number: int
    place: int
    opening_minor: int | None
    closing_minor: int
    closed_on: date


class PostgresStatements:
    """The statements taken of each bank account and currency, in one unbroken row."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def first(self, bank_account: str, currency: str) -> KeptStatement | None:
        """The one with which the row begins, if any was taken."""
        return self._end(bank_account, currency, "ASC")

    def last(self, bank_account: str, currency: str) -> KeptStatement | None:
        """The newest one, if any was taken."""
        return self._end(bank_account, currency, "DESC")

    def empty_left(self) -> int:
        """How many statements without movements came that no gap in the numbers of statements accounts for yet.

        They name no account, and all have the same bytes, so it is their names that are counted.
        """
        row = self._connection.execute(_EMPTY).fetchone()
        assert row is not None, "a difference is a row"
        return int(row[0])

    def add(self, digest: str, head: StatementHead, number: int, place: int, skipped: int) -> None:
        """Store a statement's number, place and balances."""
        self._connection.execute(
            _ADD,
            (
                head.bank_account, head.currency, number, digest, head.opening_minor, head.closing_minor,
                head.closed_on, place, skipped,
            ),
        )  # fmt: skip

    def _end(self, bank_account: str, currency: str, order: str) -> KeptStatement | None:
        row = self._connection.execute(_END.format(order=order), (bank_account, currency)).fetchone()
        return None if row is None else KeptStatement(*row)
