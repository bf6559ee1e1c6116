"""Credits on suspense in PostgreSQL, within the caller's database transaction."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from ledger.money import Currency, Money
from payments.break_class import BreakClass
from payments.recoveries.recovery import SuspendedCredit

# The open break is locked, so that two notices cannot take one credit.
_BY_REFERENCE = """
SELECT l.line_id, l.amount_minor, l.currency, l.booked_on, b.break_id
  FROM payments.breaks b JOIN payments.lines l USING (line_key)
 WHERE b.class = %s AND b.closed_on IS NULL AND l.kind = 'credit' AND l.detail = %s
 ORDER BY l.line_id FOR UPDATE OF b
"""


class PostgresSuspendedCredits:
    """SuspendedCredits over the schema `payments`. It never commits."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def by_reference(self, reference: str) -> Sequence[SuspendedCredit]:
        rows = self._connection.execute(_BY_REFERENCE, (BreakClass.MISSING_INTERNAL.value, reference)).fetchall()
        return [
            SuspendedCredit(line_id, Money(minor, Currency(code)), booked_on, break_id)
            for line_id, minor, code, booked_on, break_id in rows
        ]
