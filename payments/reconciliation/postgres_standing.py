"""Read the standing of reconciliation from its tables: lines, matches, breaks and open expectations so far."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from psycopg import Connection

from ledger.account import Side
from ledger.books.postgres import PostgresLedger
from ledger.money import Currency, Money
from payments.line_key import BY_THE_SUM, LineKey
from payments.reconciliation.standing import BankBalance, ClearingStanding, ListedBreak, Standing

_LINES = """
SELECT count(*),
       count(*) FILTER (WHERE l.kind = ANY (%(by_the_sum)s) OR m.rule = 'id'),
       count(*) FILTER (WHERE m.rule <> 'id'),
       count(*) FILTER (WHERE m.group_id IS NULL AND l.kind <> ALL (%(by_the_sum)s))
  FROM payments.lines l
  LEFT JOIN payments.group_lines g USING (line_key)
  LEFT JOIN payments.match_groups m USING (group_id)
"""
_BREAKS = """
SELECT class, count(*), count(*) FILTER (WHERE closed_on IS NULL) FROM payments.breaks GROUP BY class ORDER BY class
"""
_OPEN = """
SELECT count(*), count(*) FILTER (WHERE e.due_by >= %(as_of)s),
       count(*) FILTER (WHERE %(as_of)s - e.expected_on BETWEEN 0 AND 30),
       count(*) FILTER (WHERE %(as_of)s - e.expected_on BETWEEN 31 AND 90),
       count(*) FILTER (WHERE %(as_of)s - e.expected_on > 90)
  FROM payments.expectations e
 WHERE e.expected_on <= %(as_of)s
   AND NOT EXISTS (SELECT FROM payments.matches m WHERE m.expectation_id = e.expectation_id)
"""
_LISTED = """
SELECT class, coalesce(line_key, ''), coalesce(expectation_id, ''), currency, amount_minor, reason, owner, severity,
       opened_on, due_by, closed_on, closed_by
  FROM payments.breaks WHERE %(closed)s OR closed_on IS NULL ORDER BY class, opened_on, break_id
"""
_LATE = """
SELECT m.expectation_id FROM payments.matches m WHERE m.late ORDER BY m.expectation_id
"""
# The balance that the clearing account should have: captures whose payout is not in the bank yet, less the refunds and
# charge-backs that no payout has netted yet.
_CLEARING = """
WITH moved AS (
    SELECT 'capture:' || attempt_id AS key, currency,
           coalesce(captured_minor, fees_minor + interest_minor + principal_minor) AS minor, 1 AS captures
      FROM payments.attempts WHERE captured_on IS NOT NULL
     UNION ALL
    SELECT 'refund:' || payment_id, currency, -amount_minor, 0
      FROM payments.refund_payments WHERE way = 'provider' AND state = 'paid'
     UNION ALL
    SELECT expectation_id, currency,
           CASE WHEN expectation_id LIKE 'claim-won:%' THEN amount_minor ELSE -amount_minor END, 0
      FROM payments.expectations WHERE created_by LIKE 'claim:%' AND leg = 2
)
SELECT m.currency, sum(m.minor), sum(m.captures)
  FROM moved m
 WHERE NOT EXISTS (
        SELECT FROM payments.lines l
          JOIN payments.group_expectations p ON p.expectation_id IN ('payout:' || l.payout_id, 'debit:' || l.payout_id)
         WHERE l.key = m.key
         UNION ALL
        SELECT FROM payments.group_expectations e
          JOIN payments.group_lines g USING (group_id)
          JOIN payments.lines l USING (line_key)
          JOIN payments.group_expectations p ON p.expectation_id IN ('payout:' || l.payout_id, 'debit:' || l.payout_id)
         WHERE e.expectation_id = m.key)
 GROUP BY m.currency ORDER BY m.currency
"""
_STATEMENTS = """
SELECT DISTINCT ON (bank_account, currency) bank_account, currency, closing_minor, closed_on FROM payments.statements
 ORDER BY bank_account, currency, place DESC
"""


class PostgresStanding:
    """Reads the standing of reconciliation. Read-only."""

    def __init__(self, connection: Connection[Any], provider: str) -> None:
        self._connection = connection
        self._ledger = PostgresLedger(connection)
        self._provider = provider

    def last_day(self) -> date | None:
        """The latest day of any stored line."""
        row = self._connection.execute("SELECT max(reported_on) FROM payments.lines").fetchone()
        return None if row is None else row[0]

    def standing(self, as_of: date, *, closed: bool = False) -> Standing:
        """The standing on a day; with `closed`, the list also contains breaks that were cured."""
        lines, by_id, by_rule, unmatched = self._row(_LINES, {"by_the_sum": sorted(BY_THE_SUM)})
        open_count, in_time, month, quarter, older = self._row(_OPEN, {"as_of": as_of})
        breaks = list(self._connection.execute(_BREAKS))
        return Standing(
            as_of=as_of,
            lines=lines,
            matched_by_id=by_id,
            matched_by_rule=by_rule,
            unmatched=unmatched,
            breaks={name: found for name, found, _ in breaks},
            open_breaks={name: left for name, _, left in breaks if left},
            open_expectations=open_count,
            in_time=in_time,
            open_by_age={"0-30": month, "31-90": quarter, "91+": older},
            found_late=tuple(key for (key,) in self._connection.execute(_LATE)),
            clearing=self._clearing(),
            banks=self._banks(),
            listed=tuple(_listed(row, as_of) for row in self._connection.execute(_LISTED, {"closed": closed})),
        )

    def _clearing(self) -> tuple[ClearingStanding, ...]:
        account = f"provider:{self._provider}:clearing"
        found = []
        explained = {row[0]: (int(row[1]), row[2]) for row in self._connection.execute(_CLEARING)}
        for code in sorted({*self._ledger.currencies(account), *explained}):
            balance = self._ledger.balance(account, Currency(code)).posted(Side.DEBIT).minor
            minor, attempts = explained.get(code, (0, 0))
            if balance or minor:
                found.append(ClearingStanding(str(code), balance, minor, attempts))
        return tuple(found)

    def _banks(self) -> tuple[BankBalance, ...]:
        return tuple(
            BankBalance(
                bank_account,
                currency,
                closing,
                self._ledger.balance(f"bank:{bank_account}", Currency(currency)).posted(Side.DEBIT).minor,
                closed_on,
            )
            for bank_account, currency, closing, closed_on in self._connection.execute(_STATEMENTS)
        )

    def _row(self, query: str, parameters: Mapping[str, object] | None = None) -> tuple[int, ...]:
        row = self._connection.execute(query, parameters).fetchone()
        assert row is not None, "a count is a row"
        return tuple(row)


def _listed(row: tuple[Any, ...], as_of: date) -> ListedBreak:
    name, line_key, expectation_id, currency, minor, reason, owner, severity, opened_on, due_by, closed_on, by = row
    return ListedBreak(
        break_class=name,
        line_id=LineKey.of(line_key).line_id if line_key else "",
        expectation_id=expectation_id,
        amount=None if minor is None else str(Money(minor, Currency(currency))),
        reason=reason,
        owner=owner,
        severity=severity,
        opened_on=opened_on,
        due_by=due_by,
        age_days=max(0, ((closed_on or as_of) - opened_on).days),
        closed_on=closed_on,
        closed_by=by,
    )
