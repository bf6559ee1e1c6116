"""The port to a payment provider."""

from typing import Protocol

from payments.ids import AttemptId, RefundPaymentId
from payments.provider.charge import ChargeRequest, ChargeResult, EnquiryResult, RefundRequest


class Provider(Protocol):
    """Charges shoppers' payment methods and refunds them. `name` is the provider's name in ledger accounts."""

    @property
    def name(self) -> str: ...

    def charge(self, request: ChargeRequest) -> ChargeResult:
        """Charge once, however often the same `request.attempt_id` is sent.

        Never raises for network or provider errors: without a reliable answer, the result is `Unknown`.
        """
        ...

    def refund(self, request: RefundRequest) -> ChargeResult:
        """Refund once; as with `charge`, the same key never pays twice."""
        ...

    def enquire_refund(self, payment_id: RefundPaymentId) -> EnquiryResult:
        """The outcome of a refund's payment. Read-only."""
        ...

    def enquire(self, attempt_id: AttemptId) -> EnquiryResult:
        """The outcome of an attempt. Read-only: never causes a charge."""
        ...


class NoProvider:
    """For acts that never call a provider; a call is a programming error."""

    name = "none"

    def charge(self, request: ChargeRequest) -> ChargeResult:
        raise NotImplementedError(f"{request.attempt_id}: this act has no provider")

    def refund(self, request: RefundRequest) -> ChargeResult:
        raise NotImplementedError(f"{request.payment_id}: this act has no provider")

    def enquire(self, attempt_id: AttemptId) -> EnquiryResult:
        raise NotImplementedError(f"{attempt_id}: this act has no provider")

    def enquire_refund(self, payment_id: RefundPaymentId) -> EnquiryResult:
        raise NotImplementedError(f"{payment_id}: this act has no provider")
