"""What collection needs of a payment provider."""

from typing import Protocol

from payments.charge import ChargeRequest, ChargeResult, EnquiryResult


class Provider(Protocol):
    """Collects money from shoppers' payment methods. `name` is the `{p}` of the ledger accounts."""

    @property
    def name(self) -> str: ...

    def charge(self, request: ChargeRequest) -> ChargeResult:
        """Ask for the money once, however often the same `request.attempt_id` is sent.

        Never raises for trouble on the way: without a reliable answer the result is `Unknown`.
        """
        ...

    def enquire(self, attempt_id: str) -> EnquiryResult:
        """What became of an attempt. Reading only: it never causes a charge."""
        ...
