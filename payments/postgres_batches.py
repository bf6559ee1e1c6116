"""Batches of payouts in PostgreSQL. Nothing here commits."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

from psycopg import Connection

from ledger.money import Currency, Money
from payments.files.payout_file import Payout
from payments.ids import PayoutId
from payments.payout_batches import Batch, BatchKind

_ORDER = """
INSERT INTO payments.payout_orders (payout_id, kind, payee_id, amount_minor, currency, requested_on)
VALUES (%s, %s, %s, %s, %s, %s)
"""
_BUNDLE = """
WITH batch AS (
    INSERT INTO payments.payout_batches (batch_id, kind, day, serial)
    SELECT %(kind)s || '-' || %(day)s::date || '-' || serial, %(kind)s, %(day)s, serial
      FROM (SELECT coalesce(max(serial), 0) + 1 AS serial
              FROM payments.payout_batches WHERE kind = %(kind)s AND day = %(day)s) AS next
     WHERE EXISTS (SELECT FROM payments.payout_orders WHERE kind = %(kind)s AND batch_id IS NULL)
    RETURNING batch_id
)
UPDATE payments.payout_orders SET batch_id = (SELECT batch_id FROM batch)
 WHERE kind = %(kind)s AND batch_id IS NULL AND EXISTS (SELECT FROM batch)
"""
_UNWRITTEN = """
SELECT b.day, b.serial, o.payout_id, o.payee_id, o.amount_minor, o.currency, o.requested_on
  FROM payments.payout_batches b JOIN payments.payout_orders o USING (batch_id)
 WHERE b.kind = %s AND b.written_at IS NULL
 ORDER BY b.day, b.serial, o.payout_id
"""


class PostgresPayoutBatches:
    """Stores the payouts that the bank is to make, and the files that ask it for them."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def lock(self) -> None:
        """See `PayoutBatches.lock`."""
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('payments.payout_batches', 0))")

    def order(self, kind: BatchKind, payouts: Sequence[Payout]) -> None:
        """See `PayoutBatches.order`."""
        with self._connection.cursor() as cursor:
            cursor.executemany(
                _ORDER,
                [
                    (
                        each.payout_id,
                        kind.value,
                        each.payee_id,
                        each.amount.minor,
                        each.amount.currency.value,
                        each.requested_on,
                    )
                    for each in payouts
                ],
            )

    def bundle(self, kind: BatchKind, on: date) -> None:
        """See `PayoutBatches.bundle`. Two runs at once follow each other."""
        self.lock()
        self._connection.execute(_BUNDLE, {"kind": kind.value, "day": on})

    def unwritten(self, kind: BatchKind) -> list[Batch]:
        """See `PayoutBatches.unwritten`."""
        rows = self._connection.execute(_UNWRITTEN, (kind.value,)).fetchall()
        return [
            Batch(
                kind,
                day,
                serial,
                tuple(
                    Payout(PayoutId(payout_id), payee_id, Money(minor, Currency(code)), requested_on)
                    for _, _, payout_id, payee_id, minor, code, requested_on in of_batch
                ),
            )
            for (day, serial), of_batch in groupby(rows, key=lambda row: row[:2])
        ]

    def written(self, batch: Batch, sha256: str, at: datetime) -> None:
        """See `PayoutBatches.written`. A batch that another run wrote meanwhile stays as that run stored it."""
        self._connection.execute(
            "UPDATE payments.payout_batches SET sha256 = %s, written_at = %s"
            " WHERE batch_id = %s AND written_at IS NULL",
            (sha256, at, batch.batch_id),
        )
