"""What refunds need of the payments that bring them to shoppers."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from payments.ids import RefundPaymentId
from payments.refunds.refund_payment import RefundPayment, RefundPaymentEvent, RefundPaymentState
from payments.sending import Sending


class RefundPayments(Sending, Protocol):
    """Keeps every payment of every refund, each moved only along the move table. An adapter never commits."""

    def claim(self, payment: RefundPayment) -> bool:
        """Keep a new payment; False when it was kept before, or while another payment of the refund lives.

        Raises ledger.store.Conflict when its id is of something else.
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
        """Move a payment. Raises IllegalRefundMove, and changes nothing then."""

    def get(self, payment_id: RefundPaymentId, *, lock: bool = False) -> RefundPayment | None:
        """A payment by its id; with `lock` it waits for any other transaction that is moving it."""

    def get_all(self, payment_ids: Sequence[RefundPaymentId]) -> dict[RefundPaymentId, RefundPayment]:
        """Those of these payments that are known, by id."""

    def latest(self, refund_ids: Sequence[str]) -> dict[str, RefundPayment]:
        """The newest payment of each refund that has one."""

    def unresolved(self) -> list[RefundPayment]:
        """Payments by the provider that have no final answer, in the order of their ids."""

    def by_bank(self, day: date) -> list[RefundPayment]:
        """Every payment that the bank was asked for on a day, in the order of their ids."""
