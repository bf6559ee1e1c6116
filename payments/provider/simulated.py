"""A provider in memory, for examples and tests. It keeps its own records and charges once per key."""

import threading
from collections.abc import Callable

from payments.ids import AttemptId, RefundPaymentId
from payments.provider.charge import (
    ChargeRefusalCode,
    ChargeRefused,
    ChargeRequest,
    ChargeResult,
    EnquiryResult,
    NotKnown,
    RefundRequest,
    Succeeded,
    Unknown,
)

Behaviour = Callable[[ChargeRequest], ChargeResult]


def pays(request: ChargeRequest) -> Succeeded:
    """A behaviour: the charge succeeds."""
    return Succeeded(request.attempt_id, f"sim-{request.attempt_id}", request.amount, request.requested_on)


def has_no_funds(request: ChargeRequest) -> ChargeRefused:
    """A behaviour: the charge is refused for insufficient funds."""
    return ChargeRefused(request.attempt_id, ChargeRefusalCode.INSUFFICIENT_FUNDS, "not enough money")


def gives_back(request: RefundRequest) -> Succeeded:
    """A behaviour: the refund succeeds."""
    return Succeeded(request.payment_id, f"sim-{request.payment_id}", request.amount, request.requested_on)


class SimulatedProvider:
    """Answers by its `behaviour`; can also lose the answer to a charge it made, or never receive a request."""

    def __init__(
        self,
        behaviour: Behaviour = pays,
        *,
        lose_answers: Callable[[ChargeRequest], bool] = lambda _: False,
        drop_requests: Callable[[ChargeRequest], bool] = lambda _: False,
        refunding: Callable[[RefundRequest], ChargeResult] = gives_back,
    ) -> None:
        self.name = "simulated"
        self.behaviour = behaviour
        self.lose_answers = lose_answers
        self.drop_requests = drop_requests
        self.refunding = refunding
        self.book: dict[str, ChargeResult] = {}
        self.refunds: dict[str, ChargeResult] = {}
        self.requests: list[str] = []
        self._lock = threading.Lock()

    def charge(self, request: ChargeRequest) -> ChargeResult:
        """See `Provider.charge`."""
        with self._lock:
            self.requests.append(request.attempt_id)
            if self.drop_requests(request):
                return Unknown(request.attempt_id, "the request was lost")
            seen = request.attempt_id in self.book
            result = self.book.setdefault(request.attempt_id, self.behaviour(request))
            if not seen and self.lose_answers(request):
                return Unknown(request.attempt_id, "the answer was lost")
            return result

    def enquire(self, attempt_id: AttemptId) -> EnquiryResult:
        """See `Provider.enquire`."""
        with self._lock:
            return self.book.get(attempt_id, NotKnown(attempt_id))

    def refund(self, request: RefundRequest) -> ChargeResult:
        """See `Provider.refund`."""
        with self._lock:
            self.requests.append(request.payment_id)
            return self.refunds.setdefault(request.payment_id, self.refunding(request))

    def enquire_refund(self, payment_id: RefundPaymentId) -> EnquiryResult:
        """See `Provider.enquire_refund`."""
        with self._lock:
            return self.refunds.get(payment_id, NotKnown(payment_id))

    @property
    def captured(self) -> list[str]:
        """The ids of attempts whose money was actually taken."""
        return [key for key, result in self.book.items() if isinstance(result, Succeeded)]
