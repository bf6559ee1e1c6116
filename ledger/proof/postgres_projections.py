"""Compares the projections in PostgreSQL with the journal, and repairs them."""

from collections.abc import Iterator

from ledger.database import Database
from ledger.proof.projection import Difference, Projection

# Each projection row beside the row that its view computes from the journal, where the two differ.
_DIFFERING = """
SELECT {name}, to_jsonb(says), to_jsonb(should)
  FROM ledger.{table} says
  FULL JOIN ledger.derived_{table} should USING ({keys})
  {described}
 WHERE says IS DISTINCT FROM should
 ORDER BY {keys}
"""
_BY_ACCOUNT = (
    "coalesce(a.account || ' ' || a.currency, format('account %%s', account_id))",
    "LEFT JOIN ledger.accounts a USING (account_id)",
)
_BY_HOLD = (
    "coalesce(r.entry_id, format('position %%s', hold_position))",
    "LEFT JOIN ledger.requests r ON r.position = hold_position",
)
_DELETE = """
DELETE FROM ledger.{table} says USING (
    SELECT {keys} FROM ledger.{table} says FULL JOIN ledger.derived_{table} should USING ({keys})
     WHERE says IS DISTINCT FROM should
) differing WHERE {same}
"""
_INSERT = """
INSERT INTO ledger.{table}
SELECT should.* FROM ledger.derived_{table} should LEFT JOIN ledger.{table} says USING ({keys})
 WHERE says.{first} IS NULL
"""
_LOCK = """
LOCK TABLE ledger.requests, ledger.transfers, ledger.hold_events, ledger.balances, ledger.credit_limits,
           ledger.open_holds, ledger.seals, ledger.seal_totals, ledger.account_days IN SHARE ROW EXCLUSIVE MODE
"""


class PostgresProjections:
    """The projections of the schema `ledger`, in the connection's database transaction."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def hold_still(self) -> None:
        """Block postings and sealing until the end of the transaction; requires the owner of the tables."""
        self._connection.execute(_LOCK)

    def differences(self, projection: Projection) -> Iterator[Difference]:
        name, described = _BY_ACCOUNT if "account_id" in projection.keys else _BY_HOLD
        query = _written(_DIFFERING, projection, name=name, described=described)
        for where, says, should in self._connection.execute(query, ()):
            yield Difference(projection, where, says, should)

    def replace(self, projection: Projection) -> None:
        same = " AND ".join(f"says.{key} = differing.{key}" for key in projection.keys)
        self._connection.execute(f"ALTER TABLE ledger.{projection.table} DISABLE TRIGGER USER")
        self._connection.execute(_written(_DELETE, projection, same=same))
        self._connection.execute(_written(_INSERT, projection, first=projection.keys[0]))
        self._connection.execute(f"ALTER TABLE ledger.{projection.table} ENABLE TRIGGER USER")


def _written(template: str, projection: Projection, **parts: str) -> str:
    return template.format(table=projection.table, keys=", ".join(projection.keys), **parts)
