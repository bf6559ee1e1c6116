"""The journals of a refund that is sent to a shopper, arrives or comes back."""

from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.money import Money
from lending.plan.when import When
from payments.bookings import flow_journal
from payments.refunds.refund_payment import RefundPayment, Way


def refund_claimed(payment: RefundPayment, when: When, *, provider: str, bank: str) -> Journal:
    """F24h, placed as a hold: a refund is on its way to the shopper."""
    return flow_journal(
        Flow.REFUND_CLAIMED, payment.payment_id, when, _ids(payment), _sent(payment), _ends(payment, provider, bank)
    )


def refund_paid(payment: RefundPayment, when: When, *, provider: str, bank: str, line_id: str | None = None) -> Journal:
    """F24, which posts the hold F24h: the refund reached the shopper, through the provider or our bank."""
    ids = _ids(payment) | ({} if line_id is None else {"line_id": line_id})
    return flow_journal(Flow.REFUND_PAID, payment.payment_id, when, ids, _sent(payment), _ends(payment, provider, bank))


def refund_failed(payment: RefundPayment, when: When, *, provider: str, bank: str, line_id: str) -> Journal:
    """F24f: a refund came back, and is owed to the shopper again."""
    ids = {**_ids(payment), "line_id": line_id}
    return flow_journal(
        Flow.REFUND_FAILED, payment.payment_id, when, ids, _sent(payment), _ends(payment, provider, bank)
    )


def _ids(payment: RefundPayment) -> dict[str, str]:
    """The correlation ids; the payment takes the place of an attempt in the clearing group, which returns to zero."""
    return {"refund_id": payment.refund_id, "plan_id": payment.plan_id, "attempt_id": payment.payment_id}


def _sent(payment: RefundPayment) -> dict[str, Money]:
    return {"netted" if payment.way is Way.PROVIDER else "cash": payment.amount}


def _ends(payment: RefundPayment, provider: str, bank: str) -> dict[str, str]:
    return {"shopper": payment.shopper_id, "provider": provider, "bank": bank}
