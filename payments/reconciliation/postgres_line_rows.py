"""Rows of outside files in PostgreSQL: stored by COPY, each once, and read back. Nothing here commits."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection

from ledger.money import Currency, Money
from payments.expectation_key import expectation_key
from payments.files.line import FileLine, LineConflict
from payments.line_key import LineKey, LineKind

_LINE_FIELDS = (
    "line_key", "kind", "line_id", "key", "account_id", "payout_id", "bank_account", "counterparty",
    "amount_minor", "currency", "booked_on", "reported_on", "detail", "value_on",
)  # fmt: skip
_COMING = ", ".join(_LINE_FIELDS)
_COMING_LINES = f"""
CREATE TEMPORARY TABLE IF NOT EXISTS coming_lines ON COMMIT DELETE ROWS AS
SELECT {_COMING} FROM payments.lines LIMIT 0;
TRUNCATE coming_lines
"""  # noqa: S608 - the names above
_COPY_LINES = f"COPY coming_lines ({_COMING}) FROM STDIN"
_ADD_LINES = f"""
INSERT INTO payments.lines ({_COMING}, sha256) SELECT {_COMING}, %s FROM coming_lines ON CONFLICT DO NOTHING
"""  # noqa: S608 - the names above
# Rows that came before, or twice in this file with another content; with the first field that differs, if any.
_COME_BEFORE = f"""
SELECT * FROM (
SELECT l.line_key, l.sha256 <> %s AS before,
       (SELECT b.name
          FROM unnest(ARRAY[{", ".join(f"'{name}'" for name in _LINE_FIELDS)}],
                      ARRAY[{", ".join(f"c.{name}::text" for name in _LINE_FIELDS)}],
                      ARRAY[{", ".join(f"l.{name}::text" for name in _LINE_FIELDS)}])
               WITH ORDINALITY AS b (name, now, before, place)
         WHERE b.now IS DISTINCT FROM b.before ORDER BY b.place LIMIT 1) AS differs
  FROM coming_lines c JOIN payments.lines l USING (line_key)
) found WHERE before OR differs IS NOT NULL ORDER BY differs NULLS LAST, line_key
"""  # noqa: S608 - the names above


def add_lines(connection: Connection[Any], digest: str, lines: Sequence[FileLine]) -> list[LineKey]:
    """See `PostgresReconciliation.add_lines`."""
    if not lines:
        return []
    connection.execute(_COMING_LINES)
    with connection.cursor() as cursor, cursor.copy(_COPY_LINES) as copy:
        for line in lines:
            copy.write_row(_line_columns(line))
    if connection.execute(_ADD_LINES, (digest,)).rowcount == len(lines):
        return []
    again = []
    for line_key, _, differs in connection.execute(_COME_BEFORE, (digest,)):
        if differs is not None:
            raise LineConflict(LineKey.of(line_key), differs)
        again.append(LineKey.of(line_key))
    return again


def _line_columns(line: FileLine) -> tuple[object, ...]:
    return (
        str(line.line_key), line.kind.value, line.line_id, None if line.key is None else str(line.key),
        line.account_id, line.payout_id,
        line.bank_account, line.counterparty, line.amount.minor, line.amount.currency.value, line.booked_on,
        line.reported_on, line.detail, line.value_on,
    )  # fmt: skip


def stored_line(row: Mapping[str, Any]) -> FileLine:
    return FileLine(
        line_id=row["line_id"],
        kind=LineKind(row["kind"]),
        amount=Money(row["amount_minor"], Currency(row["currency"])),
        booked_on=row["booked_on"],
        reported_on=row["reported_on"],
        key=None if row["key"] is None else expectation_key(row["key"]),
        account_id=row["account_id"],
        payout_id=row["payout_id"],
        bank_account=row["bank_account"],
        counterparty=row["counterparty"],
        detail=row["detail"],
        taking=1 + (row.get("undone") or 0),
        value_on=row["value_on"],
    )
