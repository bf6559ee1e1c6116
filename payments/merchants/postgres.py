"""Payouts to merchants and their items in PostgreSQL. Nothing here commits."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from psycopg import Connection

from ledger.money import Currency, Money
from payments.files.payout_file import Payout
from payments.ids import PayoutId
from payments.merchants.settlement import (
    Item,
    ItemKind,
    MerchantBooks,
    PayoutReturn,
    Reserve,
    Settlement,
    UnsettledEntry,
    check_same_return,
)

# Entries of payable accounts that are in no payout. Each writer locks an account that has a floor, so entries become
# visible in the order of their positions, and none can appear later before `settled_through`.
_OWED = """
WITH payables AS (
    SELECT a.account_id, a.currency, split_part(a.account, ':', 2) AS merchant_id,
           (SELECT coalesce(max(p.settled_through), 0) FROM payments.merchant_payouts p
             WHERE p.merchant_id = split_part(a.account, ':', 2) AND p.currency = a.currency) AS settled_through
      FROM ledger.accounts a
     WHERE a.pattern = 'merchant:{merchant}:payable'
       AND NOT EXISTS (SELECT FROM payments.merchant_payouts p
                        WHERE p.merchant_id = split_part(a.account, ':', 2) AND p.currency = a.currency
                          AND p.requested_on = %s)
), moved AS (
    SELECT p.merchant_id, p.currency, t.position, t.amount_minor
      FROM payables p JOIN ledger.transfers t ON t.credit = p.account_id AND t.position > p.settled_through
     WHERE NOT t.pending
     UNION ALL
    SELECT p.merchant_id, p.currency, t.position, -t.amount_minor
      FROM payables p JOIN ledger.transfers t ON t.debit = p.account_id AND t.position > p.settled_through
     WHERE NOT t.pending
)
SELECT m.merchant_id, m.currency, m.position, r.entry_id, r.flow, r.value_date, sum(m.amount_minor)::bigint,
       r.correlation ->> 'order_id', r.correlation ->> 'plan_id'
  FROM moved m JOIN ledger.requests r USING (position)
 WHERE r.flow <> 'F07a' AND NOT EXISTS (SELECT FROM payments.payout_items i WHERE i.entry_id = r.entry_id)
 GROUP BY m.merchant_id, m.currency, m.position, r.entry_id, r.flow, r.value_date, r.correlation
HAVING sum(m.amount_minor) <> 0
 ORDER BY m.merchant_id, m.currency, m.position
"""
_RECEIVABLE = """
SELECT split_part(a.account, ':', 2), a.currency, b.debits_posted - b.credits_posted - b.credits_pending
  FROM ledger.accounts a JOIN ledger.balances b USING (account_id)
 WHERE a.pattern = 'merchant:{merchant}:receivable'
"""
_RELEASES = """
SELECT p.merchant_id, p.currency, r.payout_id, r.amount_minor, r.release_on
  FROM payments.merchant_reserves r JOIN payments.merchant_payouts p USING (payout_id)
 WHERE r.release_on <= %s AND NOT EXISTS (SELECT FROM payments.reserve_releases f WHERE f.payout_id = r.payout_id)
 ORDER BY r.payout_id
"""
_PAYOUTS = "SELECT payout_id, merchant_id, amount_minor, currency, requested_on FROM payments.merchant_payouts"
_SETTLED = "SELECT EXISTS (SELECT FROM payments.payout_items WHERE entry_id = %s)"
_RETURNS = """
SELECT payout_id, line_id, reason, returned_on FROM payments.payout_returns WHERE payout_id = %s OR line_id = %s
"""
_ITEMS = """
SELECT i.kind, i.entry_id, i.value_date, i.amount_minor, p.currency, i.order_id, i.plan_id
  FROM payments.payout_items i JOIN payments.merchant_payouts p USING (payout_id)
 WHERE i.payout_id = %s ORDER BY i.value_date, i.entry_id
"""


class PostgresPayouts:
    """Every payout to a merchant with its items, its reserve and its return. Append-only."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def lock(self) -> None:
        """See `Payouts.lock`."""
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('payments.pay_merchants', 0))")

    def unsettled(self, on: date) -> list[MerchantBooks]:
        """See `Payouts.unsettled`."""
        owed: dict[tuple[str, str], list[UnsettledEntry]] = defaultdict(list)
        for merchant, code, position, entry_id, flow, day, minor, order, plan in self._connection.execute(_OWED, (on,)):
            amount = Money(minor, Currency(code))
            owed[merchant, code].append(UnsettledEntry(position, entry_id, flow, day, amount, order, plan))
        owes = {(merchant, code): minor for merchant, code, minor in self._connection.execute(_RECEIVABLE)}
        releases: dict[tuple[str, str], list[Reserve]] = defaultdict(list)
        for merchant, code, payout_id, minor, day in self._connection.execute(_RELEASES, (on,)):
            releases[merchant, code].append(Reserve(PayoutId(payout_id), Money(minor, Currency(code)), day))
        paid = {(payout.payee_id, payout.amount.currency.value) for payout in self.of_day(on)}
        return [
            MerchantBooks(
                merchant_id=merchant,
                currency=Currency(code),
                owed=tuple(owed[merchant, code]),
                receivable=Money(owes.get((merchant, code), 0), Currency(code)),
                releases=tuple(releases[merchant, code]),
            )
            for merchant, code in sorted(owed.keys() | releases.keys())
            if (merchant, code) not in paid
        ]

    def keep(self, settlements: Sequence[Settlement]) -> None:
        """See `Payouts.keep`."""
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO payments.merchant_payouts VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [_payout_row(each) for each in settlements],
            )
        self._add_items(settlements)
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO payments.merchant_reserves VALUES (%s, %s, %s)",
                [(r.payout_id, r.amount.minor, r.release_on) for each in settlements if (r := each.reserve)],
            )
            cursor.executemany(
                "INSERT INTO payments.reserve_releases VALUES (%s, %s)",
                [(r.payout_id, each.payout.payout_id) for each in settlements for r in each.released],
            )

    def _add_items(self, settlements: Sequence[Settlement]) -> None:
        """Insert all items in one statement, so that the database checks each payout against its items only once."""
        rows = [_item_row(each.payout.payout_id, item) for each in settlements for item in each.items]
        if rows:
            self._connection.execute(
                "INSERT INTO payments.payout_items SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::date[],"
                " %s::bigint[], %s::text[], %s::text[])",
                [list(column) for column in zip(*rows, strict=True)],
            )

    def keep_return(self, payout_id: PayoutId, line_id: str, reason: str, on: date) -> bool:
        """See `Payouts.keep_return`."""
        told = PayoutReturn(payout_id, line_id, reason, on)
        kept = self._connection.execute(
            "INSERT INTO payments.payout_returns VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (payout_id, line_id, reason, on),
        )
        if kept.rowcount:
            return True
        for known in self._connection.execute(_RETURNS, (payout_id, line_id)):
            check_same_return(PayoutReturn(*known), told)
        return False

    def of_day(self, day: date) -> list[Payout]:
        """Every payout of a day."""
        return self._read(f"{_PAYOUTS} WHERE requested_on = %s ORDER BY payout_id", day)

    def get_all(self, payout_ids: Iterable[PayoutId]) -> dict[PayoutId, Payout]:
        """Payouts by id."""
        found = self._read(f"{_PAYOUTS} WHERE payout_id = ANY(%s)", list(payout_ids))
        return {PayoutId(payout.payout_id): payout for payout in found}

    def items(self, payout_id: PayoutId) -> tuple[Item, ...]:
        """The items of a payout, by day."""
        return tuple(
            Item(ItemKind(kind), entry_id, day, Money(minor, Currency(code)), order, plan)
            for kind, entry_id, day, minor, code, order, plan in self._connection.execute(_ITEMS, (payout_id,))
        )

    def settled(self, entry_id: str) -> bool:
        """Whether an entry of a merchant's payable account is part of a payout."""
        row = self._connection.execute(_SETTLED, (entry_id,)).fetchone()
        return row is not None and bool(row[0])

    def _read(self, query: str, parameter: object) -> list[Payout]:
        rows = self._connection.execute(query, (parameter,))
        return [Payout(PayoutId(row[0]), row[1], Money(row[2], Currency(row[3])), row[4]) for row in rows]


def _payout_row(settled: Settlement) -> tuple[object, ...]:
    payout = settled.payout
    return (
        payout.payout_id, payout.payee_id, payout.amount.currency.value, payout.amount.minor, payout.requested_on,
        settled.terms_version, settled.settled_through,
    )  # fmt: skip


def _item_row(payout_id: str, item: Item) -> tuple[object, ...]:
    return (
        item.entry_id, payout_id, item.kind.value, item.value_date, item.amount.minor, item.order_id, item.plan_id
    )  # fmt: skip
