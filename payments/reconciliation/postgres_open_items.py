"""Read the open items of payments and plans from their tables, and compare them with the books' open groups."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from psycopg import Connection

from ledger.books.postgres import PostgresLedger
from ledger.books.statement import group_totals
from ledger.map.flow import Flow
from ledger.money import Currency, Money
from lending.plan.booking import journal_of
from lending.plan.fold import fold
from lending.servicing.postgres import PostgresPlans
from lending.servicing.record_events import TermsOf
from payments.rail_profile import Rail
from payments.reconciliation.open_items import OpenItem, OpenItems, Why, compare_open_groups

# What each attempt or payment leaves on the clearing account until our bank shows the payout that contains it. Parts of
# a payout with another amount or an unknown attempt stay on the account, with an open break.
_CLEARING = """
WITH in_bank AS (
    SELECT l.line_key, l.line_id, l.kind, l.currency, l.amount_minor,
           coalesce((SELECT e.expectation_id
                       FROM payments.group_lines g JOIN payments.group_expectations e USING (group_id)
                      WHERE g.line_key = l.line_key), l.key) AS key
      FROM payments.lines l
      JOIN payments.group_expectations p ON p.expectation_id IN ('payout:' || l.payout_id, 'debit:' || l.payout_id)
     WHERE l.kind IN ('capture', 'refund', 'chargeback', 'chargeback_won')
), cases AS (
    SELECT split_part(e.cause, ': ', 1) AS case_id, min(e.attempt_id) AS attempt_id
      FROM payments.attempt_events e WHERE e.event = 'claim_opened' GROUP BY 1
), ours AS (
    SELECT 'capture:' || attempt_id AS key, attempt_id, currency,
           coalesce(captured_minor, fees_minor + interest_minor + principal_minor) AS minor
      FROM payments.attempts WHERE captured_on IS NOT NULL
     UNION ALL
    SELECT 'refund:' || payment_id, payment_id, currency, -amount_minor
      FROM payments.refund_payments WHERE way = 'provider' AND state = 'paid'
     UNION ALL
    SELECT e.expectation_id, c.attempt_id, e.currency,
           CASE WHEN starts_with(e.expectation_id, 'claim-won:') THEN e.amount_minor ELSE -e.amount_minor END
      FROM payments.expectations e JOIN cases c ON c.case_id = substr(e.created_by, length('claim:') + 1)
     WHERE starts_with(e.created_by, 'claim:') AND e.leg = 2
)
SELECT coalesce(o.attempt_id, CASE b.kind WHEN 'capture' THEN '' ELSE split_part(b.key, ':', 2) END),
       coalesce(o.attempt_id, b.line_id), coalesce(o.currency, b.currency),
       coalesce(o.minor, 0) + coalesce(CASE WHEN b.kind IN ('capture', 'chargeback_won') THEN -b.amount_minor
                                            ELSE b.amount_minor END, 0),
       b.line_key IS NOT NULL
  FROM ours o
  FULL JOIN in_bank b ON b.key = o.key AND b.currency = o.currency
 WHERE b.line_key IS NULL
    OR EXISTS (SELECT FROM payments.breaks k WHERE k.line_key = b.line_key AND k.closed_on IS NULL)
 ORDER BY 1, 2
"""
_IN_FLIGHT = """
SELECT attempt_id, currency,
       CASE purpose WHEN 'due' THEN fees_minor + interest_minor + principal_minor ELSE principal_minor END
  FROM payments.attempts
 WHERE state IN ('claimed', 'submitting', 'unknown') AND NOT opens_plan
   AND (purpose = 'due' OR principal_minor > 0) ORDER BY attempt_id
"""
_RETURNS = """
SELECT l.line_id, l.key, l.currency, l.amount_minor
  FROM payments.lines l JOIN payments.matches m USING (line_key)
 WHERE l.kind = 'return'
   AND NOT EXISTS (SELECT FROM payments.matches p
                    WHERE p.expectation_id IN ('payout:' || l.payout_id, 'debit:' || l.payout_id))
 ORDER BY l.line_id
"""
_IN_TRANSIT = """
SELECT p.payout_id, p.merchant_id, p.currency, p.amount_minor FROM payments.merchant_payouts p
 WHERE p.amount_minor > 0
   AND NOT EXISTS (SELECT FROM payments.matches m WHERE m.expectation_id = 'debit:' || p.payout_id)
 ORDER BY p.payout_id
"""
# Unidentified money at our bank. Nothing is posted for a line that waits for its file or for a person, or whose unit
# cannot be booked.
_SUSPENSE = """
SELECT l.line_id, l.kind, l.currency, l.amount_minor
  FROM payments.lines l JOIN payments.breaks b USING (line_key)
 WHERE b.closed_on IS NULL AND l.kind IN ('repayment', 'credit', 'debit')
   AND EXISTS (SELECT FROM ledger.requests r
                WHERE r.entry_id = CASE l.kind WHEN 'debit' THEN %(debit)s ELSE %(credit)s END || ':' || l.line_id
                  AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position))
   AND NOT EXISTS (SELECT FROM payments.matches m WHERE m.line_key = l.line_key)
 ORDER BY l.line_key
"""
_REFUND_PAYMENTS = """
SELECT payment_id, refund_id, shopper_id, way, state, currency, amount_minor FROM payments.refund_payments
 WHERE state NOT IN ('refused', 'failed') ORDER BY payment_id
"""
_CLAIMS_TAKEN = """
SELECT substr(e.created_by, length('claim:') + 1), e.currency, e.amount_minor
  FROM payments.expectations e JOIN payments.matches m USING (expectation_id)
 WHERE starts_with(e.created_by, 'claim:') AND starts_with(e.expectation_id, 'debit:') ORDER BY 1
"""
# A payout that a bank credited in another currency is a position in both, until treasury closes it.
_POSITIONS = """
SELECT DISTINCT l.booked_on, c.currency
  FROM payments.match_groups g
  JOIN payments.group_expectations m USING (group_id)
  JOIN payments.expectations e USING (expectation_id)
  JOIN payments.group_lines b USING (group_id)
  JOIN payments.lines l USING (line_key)
 CROSS JOIN LATERAL (VALUES (e.currency), (l.currency)) c (currency)
 WHERE g.rule = 'rate' ORDER BY 1, 2
"""
_EVENTFUL = """
SELECT DISTINCT plan_id FROM lending.plan_events WHERE kind NOT IN ('opened', 'paid', 'returned') ORDER BY plan_id
"""

_SUSPENDED = {"debit": Flow.UNIDENTIFIED_DEBIT.value, "credit": Flow.UNIDENTIFIED_CREDIT.value}


class PostgresOpenItems:
    """Reads the current open items and open groups. Read-only."""

    def __init__(self, connection: Connection[Any], rail: Rail, terms: TermsOf) -> None:
        self._connection = connection
        self._rail = rail
        self._terms = terms

    def compared(self) -> OpenItems:
        """Open groups compared with open items; consistent if the caller's transaction is a snapshot."""
        return compare_open_groups(PostgresLedger(self._connection).open_groups(date.max), self.items())

    def items(self) -> Iterator[OpenItem]:
        """All open items."""
        yield from self._charges()
        yield from self._suspense()
        yield from self._positions()
        yield from self._refund_payments()
        yield from self._told_by_plans()

    def _charges(self) -> Iterator[OpenItem]:
        rail, provider = self._rail.rail, self._rail.provider
        for value, item_id, currency, minor, seen in self._connection.execute(_CLEARING):
            why = Why.OPEN_BREAK if seen else Why.CASH_AWAITED
            yield _item(item_id, why, f"provider:{provider}:clearing", value, currency, posted=minor)
        for attempt_id, currency, minor in self._connection.execute(_IN_FLIGHT):
            account = f"rail:{rail}:{provider}:in_flight"
            yield _item(attempt_id, Why.OUTCOME_AWAITED, account, attempt_id, currency, pending=minor)
        for return_id, key, currency, minor in self._connection.execute(_RETURNS):
            account = f"rail:{rail}:{provider}:returns"
            yield _item(key, Why.CASH_AWAITED, account, return_id, currency, posted=-minor)
        for payout_id, merchant_id, currency, minor in self._connection.execute(_IN_TRANSIT):
            account = f"merchant:{merchant_id}:in_transit"
            yield _item(payout_id, Why.PAYOUT_SENT, account, payout_id, currency, posted=-minor)

    def _suspense(self) -> Iterator[OpenItem]:
        for line_id, kind, currency, minor in self._connection.execute(_SUSPENSE, _SUSPENDED):
            debit = kind == "debit"
            account = "suspense:debits" if debit else "suspense:unapplied"
            yield _item(line_id, Why.OPEN_BREAK, account, line_id, currency, posted=minor if debit else -minor)

    def _positions(self) -> Iterator[OpenItem]:
        for day, code in self._connection.execute(_POSITIONS):
            account, on = f"fx:{code}", day.isoformat()
            yield OpenItem(f"{account} {on}", Why.POSITION_HELD, account, on, None, Money.zero(Currency(code)))

    def _refund_payments(self) -> Iterator[OpenItem]:
        """The effect of each refund payment on the refund owed: paid, or held until the outcome is known."""
        for payment_id, refund_id, shopper_id, way, state, currency, minor in self._connection.execute(
            _REFUND_PAYMENTS
        ):
            account = f"shopper:{shopper_id}:refund_payable"
            if state == "paid":
                yield _item(payment_id, Why.REFUND_OWED, account, refund_id, currency, posted=minor)
                continue
            yield _item(payment_id, Why.OUTCOME_AWAITED, account, refund_id, currency, pending=minor)
            if way == "provider":
                clearing = f"provider:{self._rail.provider}:clearing"
                yield _item(payment_id, Why.OUTCOME_AWAITED, clearing, payment_id, currency, pending=-minor)

    def _told_by_plans(self) -> Iterator[OpenItem]:
        """Refunds owed and open cases by the plans' own events, less the cash of claims seen on the bank statement."""
        plan_ids = [plan_id for (plan_id,) in self._connection.execute(_EVENTFUL)]
        for history in PostgresPlans(self._connection).histories(plan_ids).values():
            through = history.folded_through
            state = fold(history.plan, history.events, self._terms(history.plan), through=through)
            journals = [journal_of(booking, recorded_at=booking.occurred_at) for booking in state.bookings]
            moved = ((journal, each, each.amount.minor, 0) for journal in journals for each in journal.transfers)
            for group in group_totals(moved):
                if group.key in ("refund_id", "case_id"):
                    why = Why.CASE_OPEN if group.key == "case_id" else Why.REFUND_OWED
                    yield OpenItem(group.value, why, group.account, group.value, group.posted, group.pending)
        for case_id, currency, minor in self._connection.execute(_CLAIMS_TAKEN):
            account = f"dispute:{self._rail.provider}:payable"
            yield _item(case_id, Why.CASE_OPEN, account, case_id, currency, posted=minor)


def _item(
    item_id: str, why: Why, account: str, value: str, currency: str, *, posted: int = 0, pending: int = 0
) -> OpenItem:
    unit = Currency(currency)
    return OpenItem(item_id, why, account, value, Money(posted, unit), Money(pending, unit))
