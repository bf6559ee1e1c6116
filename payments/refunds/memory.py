"""Refund payments to shoppers in memory, for tests and examples; gives the same answers as PostgreSQL."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

from payments.ids import RefundPaymentId
from payments.memory_sending import MemorySending
from payments.refunds.refund_payment import (
    OVER,
    RefundPayment,
    RefundPaymentEvent,
    RefundPaymentState,
    Way,
    check_same_payment,
    refund_state_after,
)


class MemoryRefundPayments(MemorySending):
    """Refund payments for one process and one thread."""

    def __init__(self) -> None:
        super().__init__()
        self._payments: dict[RefundPaymentId, RefundPayment] = {}
        self._confirmed: dict[str, RefundPaymentId] = {}

    def claim(self, payment: RefundPayment) -> bool:
        """See `RefundPayments.claim`."""
        known = self._payments.get(payment.payment_id)
        if known is not None:
            check_same_payment(known, payment)
            return False
        others = [each for each in self._payments.values() if each.refund_id == payment.refund_id]
        if any(each.state not in OVER or each.number == payment.number for each in others):
            return False
        self._payments[payment.payment_id] = replace(payment, state=RefundPaymentState.CLAIMED, submitted_at=None)
        return True

    def move(
        self,
        payment_id: RefundPaymentId,
        event: RefundPaymentEvent,
        *,
        at: datetime,
        cause: str,
        message_id: str | None = None,  # noqa: ARG002 - the history of moves is kept in the database only
    ) -> RefundPaymentState:
        """See `RefundPayments.move`."""
        payment = self._payments[payment_id]
        state = refund_state_after(payment_id, payment.state, event)
        if event is RefundPaymentEvent.CONFIRMED:
            self._confirmed[cause] = payment_id
        submitted_at = at if event is RefundPaymentEvent.REQUEST_WRITTEN else payment.submitted_at
        self._payments[payment_id] = replace(payment, state=state, submitted_at=submitted_at)
        return state

    def get(self, payment_id: RefundPaymentId, *, lock: bool = False) -> RefundPayment | None:  # noqa: ARG002 - one thread
        """See `RefundPayments.get`."""
        return self._payments.get(payment_id)

    def get_all(self, payment_ids: Sequence[RefundPaymentId]) -> dict[RefundPaymentId, RefundPayment]:
        """See `RefundPayments.get_all`."""
        return {each: self._payments[each] for each in payment_ids if each in self._payments}

    def latest(self, refund_ids: Sequence[str]) -> dict[str, RefundPayment]:
        """See `RefundPayments.latest`."""
        in_order = sorted(self._payments.values(), key=lambda each: each.number)
        return {each.refund_id: each for each in in_order if each.refund_id in refund_ids}

    def by_references(self, references: Sequence[str]) -> dict[str, RefundPaymentId]:
        """See `RefundPayments.by_references`."""
        return {each: self._confirmed[each] for each in references if each in self._confirmed}

    def unresolved(self) -> list[RefundPayment]:
        """See `RefundPayments.unresolved`."""
        open_states = (RefundPaymentState.CLAIMED, RefundPaymentState.SUBMITTING, RefundPaymentState.UNKNOWN)
        return self._where(lambda each: each.way is Way.PROVIDER and each.state in open_states)

    def by_bank(self, day: date) -> list[RefundPayment]:
        """See `RefundPayments.by_bank`."""
        return self._where(lambda each: each.way is Way.BANK and each.requested_on == day)

    def _where(self, wanted: Callable[[RefundPayment], bool]) -> list[RefundPayment]:
        return sorted(filter(wanted, self._payments.values()), key=lambda each: each.payment_id)
