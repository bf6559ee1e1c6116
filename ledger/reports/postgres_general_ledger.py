"""Reads the movements of each line of the chart from PostgreSQL."""

from collections.abc import Iterator
from datetime import date

from ledger.database import Database
from ledger.money import Currency
from ledger.reports.general_ledger import Movement

_MOVEMENTS = """
SELECT a.pattern, a.currency, s.value_date, sum(s.debits)::bigint, sum(s.credits)::bigint
  FROM (
    SELECT t.debit AS account_id, r.value_date, sum(t.amount_minor) AS debits, 0 AS credits
      FROM ledger.transfers t JOIN ledger.requests r USING (position)
     WHERE NOT t.pending AND r.value_date <= %(through)s GROUP BY t.debit, r.value_date
    UNION ALL
    SELECT t.credit, r.value_date, 0, sum(t.amount_minor)
      FROM ledger.transfers t JOIN ledger.requests r USING (position)
     WHERE NOT t.pending AND r.value_date <= %(through)s GROUP BY t.credit, r.value_date
  ) s JOIN ledger.accounts a USING (account_id)
 GROUP BY a.pattern, a.currency, s.value_date
 ORDER BY a.pattern, a.currency, s.value_date
"""


class PostgresMovements:
    """Movements over the schema `ledger`, as the connection's database transaction sees it."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def movements(self, *, through: date) -> Iterator[Movement]:
        rows = self._connection.execute(_MOVEMENTS, {"through": through})
        for pattern, currency, value_date, debits, credits_ in rows:
            yield Movement(pattern, Currency(currency), value_date, debits, credits_)
