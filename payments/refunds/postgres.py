"""Refund payments to shoppers, in PostgreSQL. Nothing here commits."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from psycopg.errors import CheckViolation
from psycopg.rows import dict_row

from ledger.money import Currency, Money
from lending.plan.plan import PlanId
from payments.ids import RefundPaymentId
from payments.postgres_sending import PostgresSending
from payments.refunds.refund_payment import (
    IllegalRefundMove,
    RefundPayment,
    RefundPaymentEvent,
    RefundPaymentState,
    Way,
    check_same_payment,
)

_ADD = """
INSERT INTO payments.refund_payments (payment_id, refund_id, number, plan_id, shopper_id, account_id, way, currency,
                                      amount_minor, requested_on)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_MOVE = """
INSERT INTO payments.refund_events (payment_id, event, from_state, to_state, message_id, cause, at)
VALUES (%s, %s, '', '', %s, %s, %s) RETURNING to_state
"""
_LATEST = """
SELECT DISTINCT ON (refund_id) * FROM payments.refund_payments WHERE refund_id = ANY(%s) ORDER BY refund_id, number DESC
"""
_BY_REFERENCE = """
SELECT cause, payment_id FROM payments.refund_events WHERE event = 'confirmed' AND cause = ANY(%s)
"""
_UNRESOLVED = """
SELECT * FROM payments.refund_payments
 WHERE way = 'provider' AND state IN ('claimed', 'submitting', 'unknown') ORDER BY payment_id
"""


class PostgresRefundPayments(PostgresSending):
    """Every payment of every refund; payments change only along the move table."""

    def claim(self, payment: RefundPayment) -> bool:
        """See `RefundPayments.claim`."""
        row = (
            payment.payment_id, payment.refund_id, payment.number, payment.plan_id, payment.shopper_id,
            payment.account_id, payment.way.value, payment.amount.currency.value, payment.amount.minor,
            payment.requested_on,
        )  # fmt: skip
        if self._connection.execute(_ADD, row).rowcount:
            return True
        known = self.get(payment.payment_id)
        if known is not None:
            check_same_payment(known, payment)
        return False

    def move(
        self,
        payment_id: RefundPaymentId,
        event: RefundPaymentEvent,
        *,
        at: datetime,
        cause: str,
        message_id: str | None = None,
    ) -> RefundPaymentState:
        """Move a payment. If it raises IllegalRefundMove, nothing is changed."""
        try:
            with self._connection.transaction():
                row = self._connection.execute(_MOVE, (payment_id, event.value, message_id, cause, at)).fetchone()
        except CheckViolation as error:
            if error.diag.constraint_name != "legal_move":
                raise
            raise IllegalRefundMove(payment_id, RefundPaymentState(str(error.diag.message_detail)), event) from error
        assert row is not None, "an insert returns its row"
        return RefundPaymentState(row[0])

    def get(self, payment_id: RefundPaymentId, *, lock: bool = False) -> RefundPayment | None:
        """A payment by its id; with `lock`, waits for any other transaction that is moving it."""
        query = "SELECT * FROM payments.refund_payments WHERE payment_id = %s"
        return next(iter(self._read(f"{query} FOR UPDATE" if lock else query, (payment_id,))), None)

    def get_all(self, payment_ids: Sequence[RefundPaymentId]) -> dict[RefundPaymentId, RefundPayment]:
        """Payments by id."""
        query = "SELECT * FROM payments.refund_payments WHERE payment_id = ANY(%s)"
        return {found.payment_id: found for found in self._read(query, (list(payment_ids),))}

    def latest(self, refund_ids: Sequence[str]) -> dict[str, RefundPayment]:
        """The newest payment of each refund that has one."""
        return {found.refund_id: found for found in self._read(_LATEST, (list(refund_ids),))}

    def by_references(self, references: Sequence[str]) -> dict[str, RefundPaymentId]:
        """The payments that the provider confirmed under these references, by reference."""
        rows = self._connection.execute(_BY_REFERENCE, (list(references),))
        return {reference: RefundPaymentId(payment_id) for reference, payment_id in rows}

    def unresolved(self) -> list[RefundPayment]:
        """Payments through the provider without a final answer."""
        return self._read(_UNRESOLVED, ())

    def by_bank(self, day: date) -> list[RefundPayment]:
        """Every payment put into the bank's file of a day."""
        query = "SELECT * FROM payments.refund_payments WHERE way = 'bank' AND requested_on = %s ORDER BY payment_id"
        return self._read(query, (day,))

    def _read(self, query: str, parameters: Sequence[object]) -> list[RefundPayment]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return [_payment(row) for row in cursor.execute(query, parameters)]


def _payment(row: Mapping[str, Any]) -> RefundPayment:
    return RefundPayment(
        payment_id=RefundPaymentId(row["payment_id"]),
        refund_id=row["refund_id"],
        number=row["number"],
        plan_id=PlanId(row["plan_id"]),
        shopper_id=row["shopper_id"],
        account_id=row["account_id"],
        way=Way(row["way"]),
        amount=Money(row["amount_minor"], Currency(row["currency"])),
        requested_on=row["requested_on"],
        state=RefundPaymentState(row["state"]),
        submitted_at=row["submitted_at"],
    )
