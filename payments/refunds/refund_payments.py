"""The port through which refund payments to shoppers are stored and read."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from payments.ids import RefundPaymentId
from payments.refunds.refund_payment import RefundPayment, RefundPaymentEvent, RefundPaymentState
from payments.sending import Sending


class RefundPayments(Sending, Protocol):
    """Stores every payment of every refund; payments change only along the move table. An adapter never commits."""

    def claim(self, payment: RefundPayment) -> bool:
        """Store a new payment; False if it was stored before, or if the refund has another live payment.

        Raises ledger.store.Conflict if its id was used for something else.
        """

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

    def get(self, payment_id: RefundPaymentId, *, lock: bool = False) -> RefundPayment | None:
        """A payment by its id; with `lock`, waits for any other transaction that is moving it."""

    def get_all(self, payment_ids: Sequence[RefundPaymentId]) -> dict[RefundPaymentId, RefundPayment]:
        """Those of these payments that exist, by id."""

    def latest(self, refund_ids: Sequence[str]) -> dict[str, RefundPayment]:
        """The newest payment of each refund that has one."""

    def by_references(self, references: Sequence[str]) -> dict[str, RefundPaymentId]:
        """The payments that the provider confirmed under these references, by reference."""

    def unresolved(self) -> list[RefundPayment]:
        """Payments through the provider without a final answer, in the order of their ids."""

    def by_bank(self, day: date) -> list[RefundPayment]:
        """Every payment put into the bank's file of a day, in the order of their ids."""
