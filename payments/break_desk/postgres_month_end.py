"""Reads the ties of a month's end from PostgreSQL. Read-only; consistent if the caller's transaction is a snapshot."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from psycopg import Connection

from ledger.account import Side
from ledger.books.postgres import PostgresLedger
from ledger.books.statement import OpenGroup
from ledger.map.flow import Flow
from ledger.map.flows import money_map
from ledger.money import Currency, Money
from payments.break_desk.month_end import BreakException, CashTie
from payments.rail_profile import RailProfile

# A line of a bank is booked as soon as its cash is in the books: it is in a match, or on suspense.
_CASH = """
WITH last AS (
    SELECT DISTINCT ON (bank_account, currency) bank_account, currency, number, closing_minor, closed_on
      FROM payments.statements WHERE bank_account = ANY (%(accounts)s) AND closed_on <= %(through)s
     ORDER BY bank_account, currency, number DESC
), known AS (
    SELECT bank_account, currency FROM last
     UNION
    SELECT substr(a.account, length('bank:') + 1), a.currency FROM ledger.accounts a
     WHERE substr(a.account, length('bank:') + 1) = ANY (%(accounts)s) AND starts_with(a.account, 'bank:')
), lines AS (
    SELECT l.bank_account, l.currency, l.booked_on, l.reported_on,
           CASE l.kind WHEN 'debit' THEN -l.amount_minor ELSE l.amount_minor END AS minor,
           EXISTS (SELECT FROM payments.open_lines o WHERE o.line_key = l.line_key)
           AND NOT EXISTS (SELECT FROM ledger.requests r
                            WHERE r.entry_id
                                = CASE l.kind WHEN 'debit' THEN %(debit)s ELSE %(credit)s END || ':' || l.line_id
                              AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position)) AS waits
      FROM payments.lines l
     WHERE l.kind IN ('credit', 'debit') AND (l.reported_on <= %(through)s OR l.booked_on <= %(through)s)
), of_lines AS (
    SELECT bank_account, currency,
           sum(minor) FILTER (WHERE waits AND reported_on <= %(through)s) AS not_booked,
           sum(minor) FILTER (WHERE NOT waits AND reported_on > %(through)s AND booked_on <= %(through)s)
               AS later_shown,
           sum(minor) FILTER (WHERE NOT waits AND reported_on <= %(through)s AND booked_on > %(through)s)
               AS counts_later
      FROM lines GROUP BY bank_account, currency
), late AS (
    SELECT substr(a.account, length('bank:') + 1) AS bank_account, a.currency, sum(t.minor) AS minor
      FROM (SELECT debit AS account_id, position, amount_minor AS minor FROM ledger.transfers WHERE NOT pending
             UNION ALL SELECT credit, position, -amount_minor FROM ledger.transfers WHERE NOT pending) t
      JOIN ledger.accounts a USING (account_id)
      JOIN ledger.requests r USING (position)
     WHERE starts_with(a.account, 'bank:') AND r.original_date <= %(through)s AND r.value_date > %(through)s
     GROUP BY 1, 2
), told AS (
    SELECT currency, sum(amount_minor) AS minor FROM payments.lines
     WHERE kind = 'repayment' AND booked_on <= %(through)s GROUP BY currency
)
SELECT k.bank_account, k.currency, s.number, s.closed_on, coalesce(s.closing_minor, 0), coalesce(l.not_booked, 0),
       coalesce(a.minor, 0), coalesce(l.later_shown, 0), coalesce(l.counts_later, 0),
       CASE WHEN k.bank_account = %(push)s THEN coalesce(t.minor, 0) ELSE 0 END
  FROM known k
  LEFT JOIN last s USING (bank_account, currency)
  LEFT JOIN of_lines l USING (bank_account, currency)
  LEFT JOIN late a USING (bank_account, currency)
  LEFT JOIN told t ON t.currency = k.currency
 ORDER BY k.bank_account, k.currency
"""
_CLEARING = """
WITH sides AS (
    SELECT t.debit AS account_id, t.position, t.amount_minor AS minor FROM ledger.transfers t WHERE NOT t.pending
     UNION ALL SELECT t.credit, t.position, -t.amount_minor FROM ledger.transfers t WHERE NOT t.pending
)
SELECT a.account, a.currency, sum(s.minor)::bigint
  FROM sides s JOIN ledger.accounts a USING (account_id) JOIN ledger.requests r USING (position)
 WHERE a.pattern = ANY (%s) AND r.value_date <= %s
 GROUP BY a.account, a.currency HAVING sum(s.minor) <> 0 ORDER BY a.account, a.currency
"""
# As they were at the end of the day, by the events until then.
_EXCEPTIONS = """
SELECT b.break_id, e.class, b.currency, b.amount_minor, e.reason, e.owner, e.severity, b.opened_on, e.due_by
  FROM payments.breaks b
  JOIN LATERAL (SELECT DISTINCT ON (k.break_id) k.* FROM payments.break_events k
                 WHERE k.break_id = b.break_id AND k.on_day <= %(through)s ORDER BY k.break_id, k.number DESC) e ON true
 WHERE b.opened_on <= %(through)s AND e.event <> 'closed'
 ORDER BY e.class, b.opened_on, b.break_id
"""


class PostgresMonthEnd:
    """MonthEndBooks over the schemas `ledger` and `payments`."""

    def __init__(self, connection: Connection[Any], profile: RailProfile) -> None:
        self._connection = connection
        self._ledger = PostgresLedger(connection)
        self._profile = profile

    def cash(self, through: date) -> list[CashTie]:
        about = {
            "accounts": sorted(self._profile.bank_accounts),
            "push": self._profile.push_bank,
            "debit": Flow.UNIDENTIFIED_DEBIT.value,
            "credit": Flow.UNIDENTIFIED_CREDIT.value,
            "through": through,
        }
        return [self._tie(row, through) for row in self._connection.execute(_CASH, about)]

    def _tie(self, row: tuple[Any, ...], through: date) -> CashTie:
        account, code, number, closed_on, *minors = row
        currency = Currency(code)
        statement, not_booked, later, shown_later, counts_later, elsewhere = (
            Money(int(minor), currency) for minor in minors
        )
        books = self._ledger.balance(f"bank:{account}", currency, valued_by=through).posted(Side.DEBIT)
        return CashTie(
            bank_account=account,
            statement_number=number,
            closed_on=closed_on,
            statement=statement,
            books=books,
            not_booked=not_booked,
            booked_later=later,
            on_a_later_statement=shown_later,
            counts_later=counts_later,
            elsewhere=elsewhere,
        )

    def clearing_balances(self, through: date) -> Mapping[tuple[str, str], Money]:
        patterns = [kind.pattern for kind in money_map().chart if kind.group is not None]
        rows = self._connection.execute(_CLEARING, (patterns, through))
        return {(account, code): Money(minor, Currency(code)) for account, code, minor in rows}

    def open_groups(self, as_of: date) -> tuple[OpenGroup, ...]:
        return self._ledger.open_groups(as_of)

    def exceptions(self, through: date) -> list[BreakException]:
        return [
            BreakException(
                break_id=break_id,
                break_class=name,
                amount=None if minor is None else Money(minor, Currency(currency)),
                reason=reason,
                owner=owner,
                severity=severity,
                opened_on=opened_on,
                due_by=due_by,
                age_days=(through - opened_on).days,
            )
            for break_id, name, currency, minor, reason, owner, severity, opened_on, due_by in self._connection.execute(
                _EXCEPTIONS, {"through": through}
            )
        ]

    def objections(self) -> tuple[str, ...]:
        return tuple(why for (why,) in self._connection.execute("SELECT payments.objections_to_close()"))
