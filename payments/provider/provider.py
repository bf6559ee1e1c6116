"""What collection needs of a payment provider."""

from typing import Protocol

from payments.ids import AttemptId, RefundPaymentId
from payments.provider.charge import ChargeRequest, ChargeResult, EnquiryResult, RefundRequest


class Provider(Protocol):
    """Collects money from shoppers' payment methods, and pays it back. `name` is the `{p}` of the ledger accounts."""

    @property
    def name(self) -> str: ...

    def charge(self, request: ChargeRequest) -> ChargeResult:
        """Ask for the money once, however often the same `request.attempt_id` is sent.

        Never raises for trouble on the way: without a reliable answer the result is `Unknown`.
        """
        ...

    def refund(self, request: RefundRequest) -> ChargeResult:
        """Ask once for money to go back to a shopper; as with `charge`, the same key never pays twice."""
        ...

    def enquire_refund(self, payment_id: RefundPaymentId) -> EnquiryResult:
        """What became of a refund's payment. Reading only."""
        ...

    def enquire(self, attempt_id: AttemptId) -> EnquiryResult:
        """What became of an attempt. Reading only: it never causes a charge."""
        ...


class NoProvider:
    """For acts that ask no provider for anything; asking it is a mistake of ours."""

    name = "none"

    def charge(self, request: ChargeRequest) -> ChargeResult:
        raise NotImplementedError(f"{request.attempt_id}: this act has no provider")

    def refund(self, request: RefundRequest) -> ChargeResult:
        raise NotImplementedError(f"{request.payment_id}: this act has no provider")

    def enquire(self, attempt_id: AttemptId) -> EnquiryResult:
        raise NotImplementedError(f"{attempt_id}: this act has no provider")

    def enquire_refund(self, payment_id: RefundPaymentId) -> EnquiryResult:
        raise NotImplementedError(f"{payment_id}: this act has no provider")
