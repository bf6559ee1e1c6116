"""The states of expectations in PostgreSQL, and what the tolerance of a day was used for. Nothing here commits."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from psycopg import Connection

from ledger.money import Currency, Money
from payments.line_key import LineKey
from payments.rules.expectation_state import Move

# Only what is open and may come into the state moves; the others have been matched since, or are in it already.
_MOVE = """
INSERT INTO payments.expectation_moves
SELECT u.expectation_id,
       1 + coalesce((SELECT max(m.number) FROM payments.expectation_moves m
                      WHERE m.expectation_id = u.expectation_id), 0),
       o.state, u.state, u.rule, %(actor)s, u.reason, %(on)s
  FROM (SELECT DISTINCT ON (a.expectation_id) a.*
          FROM unnest(%(keys)s::text[], %(states)s::text[], %(rules)s::text[], %(reasons)s::text[])
               WITH ORDINALITY AS a (expectation_id, state, rule, reason, place)
         ORDER BY a.expectation_id, a.place) u
  JOIN payments.open_expectations o USING (expectation_id)
  JOIN payments.expectation_steps s ON s.from_state = o.state AND s.to_state = u.state
"""
_USED = """
SELECT used_on, currency, sum(abs(difference_minor)) FROM payments.tolerance_uses WHERE used_on = ANY (%s)
 GROUP BY used_on, currency ORDER BY used_on, currency
"""


def move_expectations(connection: Connection[Any], moves: Sequence[Move], on: date, actor: str) -> int:
    """Move what is open and may be moved; the first move of an expectation counts. Returns how many moved."""
    if not moves:
        return 0
    return connection.execute(
        _MOVE,
        {
            "keys": [str(each.key) for each in moves],
            "states": [each.state.value for each in moves],
            "rules": [each.rule for each in moves],
            "reasons": [each.reason for each in moves],
            "actor": actor,
            "on": on,
        },
    ).rowcount


def tolerance_used(connection: Connection[Any], days: Iterable[date]) -> list[tuple[date, Money]]:
    """What differences used up of these days so far, by day and currency."""
    rows = connection.execute(_USED, (list(days),))
    return [(day, Money(int(minor), Currency(code))) for day, code, minor in rows]


def use_tolerance(connection: Connection[Any], uses: Sequence[tuple[LineKey, date, Money]]) -> None:
    """Note the difference of each line on its day."""
    for line_key, day, difference in uses:
        connection.execute(
            "INSERT INTO payments.tolerance_uses VALUES (%s, %s, %s, %s)",
            (str(line_key), day, difference.currency.value, difference.minor),
        )
