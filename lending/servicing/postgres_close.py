"""Business dates in PostgreSQL, in the caller's database transaction."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from psycopg import Connection

from ledger.money import Currency
from lending.servicing.close_of_business import ClosedDate
from lending.servicing.interest_pools import InterestPool

_LAST = "SELECT max(business_date) FROM lending.business_dates"
# Plans whose interest grows along the line of their standing: nothing else of them changes before `folded_by`.
_ACCRUE = """
WITH chosen AS (
    SELECT plan_id FROM lending.plan_standing
     WHERE accrues AND folded_by > %(day)s AND folded_through < %(day)s AND plan_id > %(after)s
     ORDER BY plan_id LIMIT %(limit)s
), locked AS (
    SELECT s.* FROM lending.plan_standing s JOIN chosen USING (plan_id)
     WHERE s.accrues AND s.folded_by > %(day)s AND s.folded_through < %(day)s
     ORDER BY s.plan_id FOR NO KEY UPDATE OF s
), accrued AS (
    SELECT plan_id, lending.interest_by(interest_start, interest_step, interest_divisor, %(day)s)
                    - lending.interest_by(interest_start, interest_step, interest_divisor, folded_through) AS minor
      FROM locked
), reached AS (
    UPDATE lending.plan_standing s
       SET folded_through = %(day)s, interest_minor = s.interest_minor + a.minor,
           pooled_minor = s.pooled_minor + a.minor
      FROM accrued a WHERE s.plan_id = a.plan_id
), kept AS (
    INSERT INTO lending.interest_to_pool (product, currency, minor)
    SELECT p.product, p.currency, sum(a.minor) FROM accrued a JOIN lending.plans p USING (plan_id)
     GROUP BY p.product, p.currency HAVING sum(a.minor) > 0
)
SELECT (SELECT max(plan_id) FROM chosen), (SELECT count(*) FROM accrued)
"""
_TO_VISIT = """
SELECT plan_id FROM lending.plan_standing
 WHERE (accrues OR next_due_on < %(day)s) AND folded_through < %(day)s AND plan_id > %(after)s
   AND (folded_by IS NULL OR folded_by <= %(day)s)
 ORDER BY plan_id LIMIT %(limit)s
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('lending.business_dates', 0))"
_CLOSED = "SELECT 1 FROM lending.business_dates WHERE business_date = %s"
_KEEP = "INSERT INTO lending.interest_to_pool (product, currency, minor) VALUES (%s, %s, %s)"
_TAKE = """
WITH taken AS (DELETE FROM lending.interest_to_pool RETURNING product, currency, minor)
SELECT product, currency, sum(minor)::bigint FROM taken GROUP BY product, currency
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

    def accrue(self, business_date: date, *, after: str, limit: int) -> tuple[str | None, int]:
        wanted = {"day": business_date, "after": after, "limit": limit}
        row = self._connection.execute(_ACCRUE, wanted).fetchone()
        assert row is not None, "an aggregate always has a row"
        return row[0], row[1]

    def to_visit(self, business_date: date, *, after: str, limit: int) -> Sequence[str]:
        wanted = {"day": business_date, "after": after, "limit": limit}
        return [plan_id for (plan_id,) in self._connection.execute(_TO_VISIT, wanted)]

    def add(self, accrued: Mapping[InterestPool, int]) -> None:
        for pool, minor in accrued.items():
            self._connection.execute(_KEEP, (pool.product, pool.currency.value, minor))

    def take(self) -> Mapping[InterestPool, int]:
        rows = self._connection.execute(_TAKE).fetchall()
        return {InterestPool(product, Currency(code)): minor for product, code, minor in rows}

    def lock(self, business_date: date) -> bool:
        self._connection.execute(_LOCK)
        return self._connection.execute(_CLOSED, (business_date,)).fetchone() is None

    def close(self, closed: ClosedDate, *, at: datetime) -> bool:
        row = (closed.business_date, at, closed.visited, closed.posted)
        return self._connection.execute(_CLOSE, row).rowcount == 1
