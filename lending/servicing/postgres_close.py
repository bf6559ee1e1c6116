"""Business dates in PostgreSQL, in the caller's database transaction."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from psycopg import Connection

from lending.servicing.close_of_business import ClosedDate

_LAST = "SELECT max(business_date) FROM lending.business_dates"
_TO_VISIT = """
SELECT plan_id FROM lending.plan_standing
 WHERE (accrues OR next_due_on < %(day)s) AND folded_through < %(day)s AND plan_id > %(after)s
 ORDER BY plan_id LIMIT %(limit)s
"""
_CLOSE = """
INSERT INTO lending.business_dates (business_date, closed_at, visited, posted) VALUES (%s, %s, %s, %s)
    ON CONFLICT (business_date) DO NOTHING
"""


class PostgresBusinessDates:
    """BusinessDates over the schema `lending`. It never commits."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def last(self) -> date | None:
        row = self._connection.execute(_LAST).fetchone()
        return None if row is None else row[0]

    def to_visit(self, business_date: date, *, after: str, limit: int) -> Sequence[str]:
        wanted = {"day": business_date, "after": after, "limit": limit}
        return [plan_id for (plan_id,) in self._connection.execute(_TO_VISIT, wanted)]

    def close(self, closed: ClosedDate, *, at: datetime) -> bool:
        row = (closed.business_date, at, closed.visited, closed.posted)
        return self._connection.execute(_CLOSE, row).rowcount == 1
