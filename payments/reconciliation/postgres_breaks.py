"""Breaks in PostgreSQL: raised once, refined while open, closed, and what they block. Nothing here commits."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from psycopg import Connection

from payments.break_class import BreakClass
from payments.break_events.postgres_ageing import age_breaks, changed_on
from payments.breaks import Break
from payments.expectation_key import ExpectationKey
from payments.line_key import LineKey
from payments.rail_profile import RailProfile

# A break that is raised again is refined while it is open, and opened again when what it is about has no work list.
_RAISE = """
INSERT INTO payments.breaks AS breaks (break_id, class, line_key, expectation_id, currency, amount_minor, reason, owner,
                                       severity, opened_on, due_by, closed_on, closed_by)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[],
                     %s::text[], %s::date[], %s::date[], %s::date[], %s::text[])
    ON CONFLICT (break_id) DO UPDATE
       SET class = excluded.class, reason = excluded.reason, owner = excluded.owner, severity = excluded.severity,
           due_by = CASE WHEN breaks.closed_on IS NULL THEN breaks.due_by ELSE excluded.due_by END,
           closed_on = NULL, closed_by = NULL
     WHERE breaks.closed_on IS NULL AND breaks.class <> excluded.class
        OR breaks.closed_on IS NOT NULL AND excluded.closed_on IS NULL
           AND excluded.line_key IS NULL AND excluded.expectation_id IS NULL
           AND NOT EXISTS (SELECT FROM payments.break_events k
                            WHERE k.break_id = breaks.break_id AND k.event = 'written_off')
RETURNING class
"""
_BLOCKING = """
SELECT DISTINCT ON (a.instalment_id) a.instalment_id, b.break_id
  FROM payments.attempts a
  JOIN payments.breaks b ON b.closed_on IS NULL AND b.class = ANY (%s)
  LEFT JOIN payments.lines l ON l.line_key = b.line_key
 WHERE a.instalment_id = ANY (%s) AND 'capture:' || a.attempt_id IN (l.key, b.expectation_id)
 ORDER BY a.instalment_id, b.break_id
"""
# By what their breaks name: an expectation of a payment, a capture in a file, or the attempt itself; and open cases.
_BLOCKING_REFUNDS = """
WITH broken AS (
    SELECT b.break_id, b.expectation_id, l.key
      FROM payments.breaks b LEFT JOIN payments.lines l USING (line_key)
     WHERE b.closed_on IS NULL AND b.class = ANY (%(classes)s)
)
SELECT DISTINCT ON (plan_id) plan_id, about
  FROM (SELECT e.plan_id, b.break_id AS about
          FROM broken b JOIN payments.expectations e USING (expectation_id)
         WHERE e.expectation_id LIKE 'capture:%%' OR e.expectation_id LIKE 'due:%%'
         UNION ALL
        SELECT a.plan_id, b.break_id
          FROM broken b
          JOIN payments.attempts a
            ON a.attempt_id IN (regexp_replace(b.key, '^capture:', ''),
                                regexp_replace(b.break_id, '^(attempt|captured):', ''))
         UNION ALL
        SELECT a.plan_id, 'case:' || a.attempt_id FROM payments.attempts a WHERE a.state = 'disputed') found
 WHERE plan_id = ANY (%(plans)s)
 ORDER BY plan_id, about
"""
_OVERTAKES_NOTHING = (
    BreakClass.MISSING_EXTERNAL,
    BreakClass.DUPLICATE_PAYMENT,
    BreakClass.AMOUNT_DIFFERS,
    BreakClass.STATUS_CONFLICT,
)


class PostgresBreaks:
    """The breaks that reconciliation raises. What happens to one is an event, which triggers write."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def raise_breaks(self, breaks: Sequence[Break]) -> dict[BreakClass, int]:
        """Store breaks, each once; an open break may be refined. Returns the number new or refined, by class."""
        if not breaks:
            return {}
        columns = [list(column) for column in zip(*map(_break_columns, breaks), strict=True)]
        counts: dict[BreakClass, int] = {}
        for (name,) in self._connection.execute(_RAISE, columns):
            counts[BreakClass(name)] = counts.get(BreakClass(name), 0) + 1
        return dict(sorted(counts.items()))

    def blocking(self, instalment_ids: Sequence[str]) -> Mapping[str, str]:
        """See `Breaks.blocking`."""
        classes = [each.value for each in _OVERTAKES_NOTHING]
        return dict(self._connection.execute(_BLOCKING, (classes, list(instalment_ids))).fetchall())

    def blocking_refunds(self, plan_ids: Sequence[str]) -> Mapping[str, str]:
        """See `Breaks.blocking_refunds`."""
        about = {"classes": [each.value for each in _OVERTAKES_NOTHING], "plans": list(plan_ids)}
        return dict(self._connection.execute(_BLOCKING_REFUNDS, about).fetchall())

    def age_breaks(self, day: date, profile: RailProfile) -> int:
        """See `age_breaks`; changes of breaks in the rest of the transaction count from this day."""
        changed_on(self._connection, day)
        return age_breaks(self._connection, day, profile)

    def close_break(self, break_id: str, on: date, by: str) -> None:
        """Close a break that was cured by something other than a match."""
        self._connection.execute(
            "UPDATE payments.breaks SET closed_on = greatest(%s, opened_on), closed_by = %s"
            " WHERE break_id = %s AND closed_on IS NULL",
            (on, by, break_id),
        )

    def close_breaks_of(self, about: str, on: date, by: str) -> None:
        """Close every open break whose id begins like this."""
        self._connection.execute(
            "UPDATE payments.breaks SET closed_on = greatest(%s, opened_on), closed_by = %s"
            " WHERE starts_with(break_id, %s) AND closed_on IS NULL",
            (on, by, about),
        )


def _break_columns(each: Break) -> tuple[object, ...]:
    amount = each.amount
    return (
        each.break_id, each.break_class.value, _text(each.line_key), _text(each.expected),
        amount.currency.value if amount else None, amount.minor if amount else None, each.reason, each.owner,
        each.severity, each.opened_on, each.due_by, each.closed_on, each.closed_by,
    )  # fmt: skip


def _text(key: ExpectationKey | LineKey | None) -> str | None:
    return None if key is None else str(key)
