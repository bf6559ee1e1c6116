"""Rows of outside files in PostgreSQL: received by COPY as they are read, stored once, read back. Nothing commits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from psycopg import Connection

from ledger.money import Currency, Money
from payments.expectation_key import expectation_key
from payments.files.line import FileLine, LineConflict
from payments.ids import ProviderPayoutId
from payments.line_key import LineKey, LineKind

_AT_ONCE = 5_000  # bounds the memory of a run

_COLUMNS = (
    "line_key", "kind", "line_id", "key", "account_id", "payout_id", "bank_account", "counterparty",
    "amount_minor", "currency", "booked_on", "reported_on", "detail", "value_on",
)  # fmt: skip
_NAMES = ", ".join(_COLUMNS)
LINE = ", ".join(f"l.{name}" for name in _COLUMNS[1:])  # the columns that `stored_line` reads, of a table called l
_COMING_LINES = f"""
CREATE TEMPORARY TABLE IF NOT EXISTS coming_lines ON COMMIT DELETE ROWS AS
SELECT {_NAMES}, ''::text AS reference, 0 AS row FROM payments.lines LIMIT 0;
TRUNCATE coming_lines
"""  # noqa: S608 - the names above
_COPY_LINES = f"COPY coming_lines ({_NAMES}, reference, row) FROM STDIN"
_DATED_BY_LAST = "UPDATE coming_lines SET reported_on = %s WHERE reported_on <> %s"
_ADD_LINES = f"""
INSERT INTO payments.lines ({_NAMES}, sha256) SELECT {_NAMES}, %s FROM coming_lines ON CONFLICT DO NOTHING
"""  # noqa: S608 - the names above
_TWICE = """
SELECT line_key, min(row), max(row) FROM coming_lines GROUP BY line_key HAVING count(*) > 1 ORDER BY max(row) LIMIT 1
"""
# Rows that an earlier file had with another content, with the first field that differs.
_CONFLICT = f"""
SELECT c.line_key, b.name
  FROM coming_lines c JOIN payments.lines l USING (line_key),
       unnest(ARRAY[{", ".join(f"'{name}'" for name in _COLUMNS)}],
              ARRAY[{", ".join(f"c.{name}::text" for name in _COLUMNS)}],
              ARRAY[{", ".join(f"l.{name}::text" for name in _COLUMNS)}])
         WITH ORDINALITY AS b (name, now, before, place)
 WHERE l.sha256 <> %s AND b.now IS DISTINCT FROM b.before
 ORDER BY c.line_key, b.place LIMIT 1
"""  # noqa: S608 - the names above
# In the order of the file, but with the rows of each payout together.
_KEPT = f"""
SELECT {LINE}, c.reference FROM coming_lines c JOIN payments.lines l USING (line_key)
 WHERE (l.sha256 = %s) = %s
 ORDER BY min(c.row) OVER (PARTITION BY coalesce(l.payout_id, l.line_key)), l.payout_id, c.row, l.line_key
"""  # noqa: S608 - the names above

_CASH_DAYS = """
SELECT DISTINCT currency, booked_on FROM coming_lines WHERE kind = 'repayment' OR bank_account = %s
"""


class RepeatedLine(Exception):
    """Raised for an id that two rows of one file have; `rows` are their lines in the file."""

    def __init__(self, line_id: str, rows: tuple[int, int]) -> None:
        super().__init__(f"{line_id!r} stands on line {rows[0]} too")
        self.rows = rows


@dataclass(frozen=True, slots=True)
class ReceivedLines:
    """The rows of a file that were received and are not stored yet: their number, and their last day, if any."""

    rows: int
    last_day: date | None


def receive_lines(connection: Connection[Any], lines: Iterable[FileLine], *, dated_by_last: bool) -> ReceivedLines:
    """See `PostgresReconciliation.receive_lines`."""
    connection.execute(_COMING_LINES)
    rows, last_day = 0, date.min
    with connection.cursor() as cursor, cursor.copy(_COPY_LINES) as copy:
        left = iter(lines)
        while some := list(islice(left, 500)):
            rows += len(some)
            last_day = max(last_day, *(line.reported_on for line in some))
            copy.write("".join([_copied(line) for line in some]))
    if dated_by_last:
        connection.execute(_DATED_BY_LAST, (last_day, last_day))
    return ReceivedLines(rows, last_day if rows else None)


def add_received(connection: Connection[Any], digest: str, rows: int) -> int:
    """See `PostgresReconciliation.add_received`."""
    added = connection.execute(_ADD_LINES, (digest,)).rowcount
    if added < rows:
        twice = connection.execute(_TWICE).fetchone()
        if twice is not None:
            raise RepeatedLine(LineKey.of(twice[0]).line_id, (twice[1], twice[2]))
        conflict = connection.execute(_CONFLICT, (digest,)).fetchone()
        if conflict is not None:
            raise LineConflict(LineKey.of(conflict[0]), conflict[1])
    return rows - added


def received_lines(connection: Connection[Any], digest: str, *, new: bool) -> Iterator[list[FileLine]]:
    """See `PostgresReconciliation.received_lines`."""
    lines: list[FileLine] = []
    with connection.cursor(name="received_lines") as cursor:
        cursor.itersize = _AT_ONCE
        for row in cursor.execute(_KEPT, (digest, new)):
            line = stored_line(row[:-1], row[-1])
            if len(lines) >= _AT_ONCE and (line.payout_id is None or line.payout_id != lines[-1].payout_id):
                yield lines
                lines = []
            lines.append(line)
    if lines:
        yield lines


def _copied(line: FileLine) -> str:
    """The row in the text form of COPY."""
    key, amount, kind = line.key, line.amount, line.kind.value
    texts: tuple[str | None, ...] = (
        line.line_id, None if key is None else str(key), line.account_id, line.payout_id, line.bank_account,
        line.counterparty, line.detail, line.reference,
    )  # fmt: skip
    joined = "".join([text for text in texts if text])
    if "\\" in joined or not joined.isprintable():
        texts = tuple(text and text.translate(_ESCAPED) for text in texts)
    line_id, key_text, account_id, payout_id, bank, counterparty, detail, reference = [
        _NULL if text is None else text for text in texts
    ]
    return (
        f"{kind}:{line_id}\t{kind}\t{line_id}\t{key_text}\t{account_id}\t{payout_id}\t{bank}\t{counterparty}"
        f"\t{amount.minor}\t{amount.currency.value}\t{line.booked_on}\t{line.reported_on}\t{detail}"
        f"\t{line.value_on or _NULL}\t{reference}\t{line.row}\n"
    )


_NULL = "\\N"
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_KINDS = {kind.value: kind for kind in LineKind}
_CURRENCIES = {currency.value: currency for currency in Currency}


def received_cash_days(connection: Connection[Any], push_bank: str) -> dict[str, set[date]]:
    """By currency, the days of the received rows that show money at the account that transfers are paid into."""
    found: dict[str, set[date]] = {}
    for currency, day in connection.execute(_CASH_DAYS, (push_bank,)):
        found.setdefault(currency, set()).add(day)
    return found


def line_of_row(row: Mapping[str, Any]) -> FileLine:
    """The line of a row by the names of its columns, among them how often a match of it was undone."""
    return stored_line([row[name] for name in _COLUMNS[1:]], undone=row.get("undone") or 0)


def stored_line(row: Sequence[Any], reference: str | None = None, *, undone: int = 0) -> FileLine:
    """The line of a row of the columns `LINE`. `undone`: how many matches of it people undid."""
    (
        kind,
        line_id,
        key,
        account,
        payout,
        bank,
        counterparty,
        minor,
        currency,
        booked_on,
        reported_on,
        detail,
        value_on,
    ) = row
    return FileLine(
        line_id,
        _KINDS[kind],
        Money(minor, _CURRENCIES[currency]),
        booked_on,
        reported_on,
        None if key is None else expectation_key(key),
        account,
        None if payout is None else ProviderPayoutId(payout),
        bank,
        counterparty,
        detail,
        value_on,
        reference,
        1 + undone,
    )
