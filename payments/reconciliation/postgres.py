"""Files, lines, expectations and matches in PostgreSQL. Nothing here commits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from psycopg.rows import dict_row

from ledger.books.postgres_arrays import texts
from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.money import Currency, Money
from payments.break_events.postgres_undone import posted_anew
from payments.expectation import Expected, Leg, Window, check_same_expectation
from payments.expectation_key import ClaimKey, ExpectationKey, PayoutKey, UnknownKey, expectation_key
from payments.files.control_file import FileContent
from payments.files.line import FileLine
from payments.ids import ProviderPayoutId
from payments.line_key import LineKey, LineKind
from payments.rail_profile import RailProfile
from payments.reconciliation.matching import VERSION, Found, Matched, MatchRule, Outcome
from payments.reconciliation.postgres_breaks import PostgresBreaks
from payments.reconciliation.postgres_line_rows import (
    LINE,
    ReceivedLines,
    add_received,
    receive_lines,
    received_cash_days,
    received_lines,
    stored_line,
)
from payments.reconciliation.statements.postgres_bank_proof import (
    BankProof,
    day_told_by_statement,
    day_told_by_transfers,
    prove_banks,
)
from payments.reconciliation.statements.postgres_statements import PostgresStatements
from payments.rules.expectation_state import Move
from payments.rules.postgres_expectation_states import move_expectations, tolerance_used, use_tolerance
from payments.rules.postgres_sources import keep_sources
from payments.rules.source import FileSources
from payments.rules.tolerance import ToleranceUsed

_EXPECT = """
INSERT INTO payments.expectations (expectation_id, leg, account_id, plan_id, instalment_id, currency, amount_minor,
                                   window_from, window_to, expected_on, due_by, created_by, least_minor, most_minor)
SELECT * FROM unnest(%s::text[], %s::smallint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[],
                     %s::date[], %s::date[], %s::date[], %s::date[], %s::text[], %s::bigint[], %s::bigint[])
    ON CONFLICT DO NOTHING
"""
_EXPECTED = """
SELECT e.*, m.group_id IS NOT NULL AS met
  FROM (SELECT * FROM payments.expectations WHERE expectation_id = ANY(%s::text[])
         UNION SELECT * FROM payments.expectations WHERE account_id = ANY(%s::text[])) e
  LEFT JOIN payments.group_expectations m USING (expectation_id)
"""
_OVERDUE = """
SELECT e.*, false AS met FROM payments.open_expectations o JOIN payments.expectations e USING (expectation_id)
 WHERE o.due_by < %s AND o.leg IN (2, 3)
   AND NOT EXISTS (SELECT FROM payments.breaks b JOIN payments.lines l USING (line_key)
                    WHERE l.key = e.expectation_id AND b.closed_on IS NULL)
 ORDER BY e.expectation_id
"""
_COUNT_OPEN = """
SELECT count(*) FROM payments.open_expectations WHERE expected_on <= %s
"""
# Units in the order of their first lines, without those whose match a person undid.
_OPEN_UNITS = """
SELECT unit, count(*) FROM payments.open_lines WHERE NOT starts_with(unit, 'held:') GROUP BY unit
 ORDER BY min(to_char(booked_on, 'YYYYMMDD') || to_char(amount_minor, 'FM0000000000000000000') || line_key COLLATE "C")
          COLLATE "C"
"""
_LINES_OF_UNITS = f"""
SELECT {LINE}, coalesce(u.undone, 0) FROM payments.open_lines o JOIN payments.lines l USING (line_key)
  LEFT JOIN (SELECT unnest(line_keys) AS line_key, count(*) AS undone FROM payments.undone_groups GROUP BY 1) u
       USING (line_key)
 WHERE o.unit = ANY(%s) ORDER BY l.line_key COLLATE "C"
"""  # noqa: S608 - the names of columns
_OTHER_LINES_OF_PAYOUTS = f"""
SELECT {LINE} FROM payments.lines l
 WHERE l.payout_id = ANY(%s)
   AND NOT EXISTS (SELECT FROM payments.open_lines o WHERE o.line_key = l.line_key AND o.unit = ANY(%s))
"""  # noqa: S608 - the names of columns
_OPEN_REPAYMENTS = f"""
SELECT {LINE} FROM payments.open_lines o JOIN payments.lines l USING (line_key) WHERE l.kind = 'repayment'
"""  # noqa: S608 - the names of columns
_CONFIRM_GROUPS = """
WITH found AS (
    SELECT u.group_id, u.rule, u.line_key, u.expectation_id, l.reported_on > e.due_by AS late
      FROM unnest(%(groups)s::text[], %(rules)s::text[], %(lines)s::text[], %(keys)s::text[])
           AS u (group_id, rule, line_key, expectation_id)
      JOIN payments.lines l USING (line_key) JOIN payments.expectations e USING (expectation_id)
), made AS (
    INSERT INTO payments.match_groups
    SELECT group_id, min(rule), %(version)s, array_agg(DISTINCT expectation_id), bool_or(late), %(on)s
      FROM found GROUP BY group_id
), of_lines AS (
    INSERT INTO payments.group_lines SELECT DISTINCT line_key, group_id FROM found
)
INSERT INTO payments.group_expectations SELECT DISTINCT expectation_id, group_id FROM found
"""
_KEYS_BY_MATCH = """
SELECT l.line_key, e.expectation_id
  FROM payments.group_lines l
  JOIN payments.match_groups g USING (group_id)
  JOIN payments.group_expectations e USING (group_id)
 WHERE l.line_key = ANY (%s) AND g.rule = %s
"""
# A break of a line or an expectation is cured by the group that the line or the expectation is in.
_CURE = """
WITH found AS (
    SELECT * FROM unnest(%(lines)s::text[], %(keys)s::text[]) AS u (line_key, expectation_id)
)
UPDATE payments.breaks b SET closed_on = greatest(%(on)s, b.opened_on), closed_by = 'match:' || f.line_key
  FROM (SELECT b.break_id, f.line_key FROM found f JOIN payments.breaks b USING (line_key) WHERE b.closed_on IS NULL
         UNION
        SELECT b.break_id, f.line_key
          FROM found f JOIN payments.breaks b ON b.break_id = 'expectation:' || f.expectation_id
         WHERE b.closed_on IS NULL) f
 WHERE b.break_id = f.break_id
"""
_PART_BYTES = 4 * 1024 * 1024  # of a file's content in one row

_SUSPENSE = {
    LineKind.DEBIT: Flow.UNIDENTIFIED_DEBIT,
    LineKind.CREDIT: Flow.UNIDENTIFIED_CREDIT,
    LineKind.REPAYMENT: Flow.UNIDENTIFIED_CREDIT,
}


class PostgresReconciliation(PostgresBreaks):
    """The state of reconciliation. Files, lines, expectations and matches are append-only."""

    def lock(self) -> None:
        """Take the lock of reconciliation, waiting for any other run; held until the caller's transaction ends."""
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('payments.reconcile', 0))")

    # Files and their lines.

    def take_file(self, content: FileContent, kind: str, rows: int, at: datetime) -> bool:
        """Store a file; False if the same bytes were taken before, under any name."""
        taken = self._connection.execute(
            "INSERT INTO payments.files VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (content.digest, content.path.name, kind, rows, at),
        )
        if taken.rowcount:
            for number, part in enumerate(content.parts(_PART_BYTES), 1):
                row = (content.digest, number, part)
                self._connection.execute("INSERT INTO payments.file_parts VALUES (%s, %s, %s)", row)
        self._connection.execute(
            "INSERT INTO payments.file_names VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (content.digest, content.path.name, at),
        )
        return bool(taken.rowcount)

    def names_taken(self) -> dict[str, str]:
        """Every file name delivered so far, with the hash of its bytes."""
        rows = self._connection.execute("SELECT name, sha256 FROM payments.file_names")
        return {name: digest for name, digest in rows}  # noqa: C416 - rows are tuples

    def names_of(self, digest: str) -> list[str]:
        """The names under which these bytes were delivered, earliest first."""
        query = "SELECT name FROM payments.file_names WHERE sha256 = %s ORDER BY seen_at, name"
        return [name for (name,) in self._connection.execute(query, (digest,))]

    def receive_lines(self, lines: Iterable[FileLine], *, dated_by_last: bool = False) -> ReceivedLines:
        """Receive the rows of a file as they are read, without storing them: its reader may still refuse it.

        With `dated_by_last`, every row is reported on the last day of any row.
        """
        return receive_lines(self._connection, lines, dated_by_last=dated_by_last)

    def add_received(self, digest: str, rows: int) -> int:
        """Store the rows received, each once; returns how many were stored before, with the same content.

        Raises RepeatedLine for an id that two of the rows have, and LineConflict for a row stored with other content.
        """
        return add_received(self._connection, digest, rows)

    def received_lines(self, digest: str, *, new: bool) -> Iterator[list[FileLine]]:
        """The rows received that were stored now, or those that were stored before, in parts.

        A payout is never cut, so that its sum can be judged.
        """
        return received_lines(self._connection, digest, new=new)

    @property
    def statements(self) -> PostgresStatements:
        """The statements taken so far."""
        return PostgresStatements(self._connection)

    def keep_sources(self, sources: FileSources) -> None:
        """See `payments.rules.postgres_sources`."""
        keep_sources(self._connection, sources)

    def open_units(self) -> list[tuple[str, int]]:
        """Every unit with open lines and the number of these, in the order of the units' first lines."""
        return [(unit, count) for unit, count in self._connection.execute(_OPEN_UNITS)]

    def lines_of_units(self, units: Sequence[str]) -> list[FileLine]:
        """The open lines of these units."""
        rows = self._connection.execute(_LINES_OF_UNITS, (list(units),)).fetchall()
        return [stored_line(row[:-1], undone=row[-1]) for row in rows]

    def open_repayments(self) -> list[FileLine]:
        """The open transfers of shoppers."""
        return self._lines(_OPEN_REPAYMENTS, ())

    def match(
        self, units: Sequence[str], left_out: Iterable[LineKey], met_now: Iterable[ExpectationKey]
    ) -> list[Found]:
        """What the rules find each open line of these units to be, in the order of (booked on, amount, id).

        Lines in `left_out` are dealt with already, and expectations in `met_now` are closed by them.
        """
        arguments = (texts(units), texts(list(map(str, left_out))), texts(list(map(str, met_now))))
        return [
            Found(LineKey.of(line_key), found, tuple(map(expectation_key, keys)), rivals)
            for line_key, found, keys, rivals in self._connection.execute(
                "SELECT * FROM payments.match_lines(%s::text[], %s::text[], %s::text[])", arguments
            )
        ]

    def other_lines_of_payouts(self, payout_ids: Iterable[ProviderPayoutId], units: Sequence[str]) -> list[FileLine]:
        """The rows of the provider's files of these payouts, without the open lines of these units."""
        return self._lines(_OTHER_LINES_OF_PAYOUTS, (list(payout_ids), list(units)))

    def keys_by_match(self, line_keys: Sequence[LineKey], rule: MatchRule) -> dict[LineKey, ExpectationKey]:
        """Of these lines, those that were matched by this rule, with the expectation of each."""
        rows = self._connection.execute(_KEYS_BY_MATCH, (list(map(str, line_keys)), rule.value))
        return {LineKey.of(line_key): expectation_key(key) for line_key, key in rows}

    def last_day(self) -> date | None:
        """The latest day of any stored line."""
        row = self._connection.execute("SELECT max(reported_on) FROM payments.lines").fetchone()
        return None if row is None else row[0]

    # Expectations and what closed them.

    def count_open(self, upto: date) -> int:
        """The number of open expectations of days up to `upto`."""
        row = self._connection.execute(_COUNT_OPEN, (upto,)).fetchone()
        assert row is not None, "a count is a row"
        return int(row[0])

    def expect(self, expected: Iterable[Expected]) -> int:
        """See `Expectations.expect`."""
        asked = list(expected)
        if not asked:
            return 0
        columns = [list(column) for column in zip(*map(_expectation_columns, asked), strict=True)]
        added = self._connection.execute(_EXPECT, columns).rowcount
        if added < len(asked):
            kept = {each.key: each for each in self.expected((each.key for each in asked), ())}
            for each in asked:
                check_same_expectation(kept[each.key], each)
        return added

    def expected(self, keys: Iterable[ExpectationKey], accounts: Iterable[str]) -> list[Expected]:
        """Expectations by key or by shopper's bank account, met ones included."""
        return self._expected(_EXPECTED, (texts([str(key) for key in keys]), texts(list(accounts))))

    def overdue(self, as_of: date) -> list[Expected]:
        """Open expectations that a provider or bank should have shown before `as_of`. Dues are not among them."""
        return self._expected(_OVERDUE, (as_of,))

    def confirm(self, matched: Sequence[Matched], on: date) -> None:
        """Store matches and close the breaks that they cure. A second match of a line or key is a unique violation."""
        if not matched:
            return
        lines = texts([str(match.line.line_key) for match in matched])
        keys = texts([str(match.expectation.key) for match in matched])
        self._connection.execute(
            _CONFIRM_GROUPS,
            {
                "groups": texts(_groups(matched)),
                "rules": texts([match.rule.value for match in matched]),
                "lines": lines,
                "keys": keys,
                "version": VERSION,
                "on": on,
            },
        )
        self._connection.execute(_CURE, {"on": on, "lines": lines, "keys": keys})

    def tolerance_left(self, outcomes: Iterable[Outcome], profile: RailProfile) -> ToleranceUsed:
        """What the days of these outcomes may still tolerate."""
        days = {o.line.booked_on for o in outcomes if isinstance(o, Matched) and o.rule is MatchRule.TOLERANCE}
        caps = {currency: each.daily_cap for currency, each in profile.provider_source.tolerance.items()}
        return ToleranceUsed.of(caps, tolerance_used(self._connection, days) if days else ())

    def use_tolerance(self, uses: Sequence[tuple[LineKey, date, Money]]) -> None:
        """Note the difference of each line on its day."""
        use_tolerance(self._connection, uses)

    def move_expectations(self, moves: Sequence[Move], on: date) -> int:
        """See `payments.rules.postgres_expectation_states`."""
        return move_expectations(self._connection, moves, on, "reconciliation")

    def on_suspense(self, lines: Sequence[FileLine]) -> frozenset[LineKey]:
        """Those of the lines whose cash is in the books already, on suspense, because nothing identified it in time."""
        entries = {f"{_SUSPENSE[line.kind]}:{line.line_id}": line.line_key for line in lines if line.kind in _SUSPENSE}
        query = (
            "SELECT r.entry_id FROM ledger.requests r WHERE r.entry_id = ANY(%s::text[])"
            " AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position)"
        )
        return frozenset(entries[entry] for (entry,) in self._connection.execute(query, (texts(list(entries)),)))

    def day_told_by_statement(self, push_bank: str, currency: str, days: Iterable[date]) -> date | None:
        """The first of the days that statements of the account have told already, if any."""
        return day_told_by_statement(self._connection, push_bank, currency, days)

    def day_told_by_transfers(self, currency: str, first: date, last: date) -> date | None:
        """The first day in the range that a file of transfers has told already, if any."""
        return day_told_by_transfers(self._connection, currency, first, last)

    def bank_proofs(self, profile: RailProfile) -> list[BankProof]:
        """See `prove_banks`."""
        return prove_banks(self._connection, profile)

    def anew(self, journals: Sequence[Journal]) -> list[Journal]:
        """See `posted_anew`."""
        return posted_anew(self._connection, journals)

    def received_cash_days(self, push_bank: str) -> dict[str, set[date]]:
        """See `received_cash_days`."""
        return received_cash_days(self._connection, push_bank)

    def _lines(self, query: str, parameters: Sequence[object]) -> list[FileLine]:
        return [stored_line(row) for row in self._connection.execute(query, parameters).fetchall()]

    def _expected(self, query: str, parameters: Sequence[object]) -> list[Expected]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return [_expectation(row) for row in cursor.execute(query, parameters).fetchall()]


def _groups(matched: Sequence[Matched]) -> list[str]:
    """The group of each match, by the first of its lines: several lines make up one expectation by PARTS alone."""
    firsts: dict[ExpectationKey, str] = {}
    for each in matched:
        firsts.setdefault(each.expectation.key, str(each.line.line_key))
    return [
        firsts[each.expectation.key] if each.rule is MatchRule.PARTS else str(each.line.line_key) for each in matched
    ]


def _expectation_columns(each: Expected) -> tuple[object, ...]:
    window = each.window
    return (
        str(each.key), int(each.leg), each.account_id, each.plan_id, each.instalment_id, each.amount.currency.value,
        each.amount.minor, window.first if window else None, window.last if window else None, each.expected_on,
        each.due_by, str(each.created_by), *_range(each),
    )  # fmt: skip


def _range(each: Expected) -> tuple[int | None, int | None]:
    """The amounts that close an expectation, or nothing where only its own does."""
    if each.tolerance is None or not each.tolerance.minor:
        return None, None
    return each.amount.minor - each.tolerance.minor, each.amount.minor + each.tolerance.minor


def _expectation(row: Mapping[str, Any]) -> Expected:
    currency = Currency(row["currency"])
    return Expected(
        key=expectation_key(row["expectation_id"]),
        leg=Leg(row["leg"]),
        amount=Money(row["amount_minor"], currency),
        expected_on=row["expected_on"],
        due_by=row["due_by"],
        created_by=_cause(row["created_by"]),
        account_id=row["account_id"],
        plan_id=row["plan_id"],
        instalment_id=row["instalment_id"],
        window=None if row["window_from"] is None else Window(row["window_from"], row["window_to"]),
        met=row["met"],
        tolerance=None if row["most_minor"] is None else Money(row["most_minor"] - row["amount_minor"], currency),
    )


def _cause(text: str) -> ClaimKey | PayoutKey | LineKey | str:
    """The cause of an expectation: a claim, a payout or a line is stored as its key, any other cause as its id."""
    try:
        key = expectation_key(text)
    except UnknownKey:
        return _line_or_text(text)
    return key if isinstance(key, ClaimKey | PayoutKey) else text


def _line_or_text(text: str) -> LineKey | str:
    try:
        return LineKey.of(text)
    except ValueError:
        return text
