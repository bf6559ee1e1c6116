"""Requests to a provider, to charge or refund money once, and its answers: succeeded, refused or unknown.

*Unknown* is a normal answer, not a failure. The `raw` field of an answer is the provider's own message, kept as
evidence.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from ledger.money import Money
from payments.ids import AttemptId, RefundPaymentId


class ChargeRefusalCode(StrEnum):
    """Why a provider refused, in our terms. The list is closed: each adapter maps its vendor's codes to it."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    LIMIT_EXCEEDED = "limit_exceeded"
    CARD_EXPIRED = "card_expired"
    DETAILS_WRONG = "details_wrong"
    ACCOUNT_CLOSED = "account_closed"
    MANDATE_GONE = "mandate_gone"
    SUSPECTED_FRAUD = "suspected_fraud"
    HOLDER_DECEASED = "holder_deceased"
    REQUEST_MALFORMED = "request_malformed"
    UNRECOGNISED = "unrecognised"


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """One attempt's request for money. `attempt_id` is the idempotency key, also when the attempt is sent again."""

    attempt_id: AttemptId
    plan_id: str
    instalment_id: str
    shopper_id: str
    account_id: str
    amount: Money
    requested_on: date

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise ValueError(f"amount_minor: {self.amount.minor} is not greater than zero")


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A request to give money back by the way it came from the shopper. `payment_id` is the idempotency key."""

    payment_id: RefundPaymentId
    shopper_id: str
    amount: Money
    requested_on: date

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise ValueError(f"amount_minor: {self.amount.minor} is not greater than zero")


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The provider moved the money on `captured_on`: from the shopper or, for a refund, to the shopper."""

    attempt_id: str
    provider_reference: str
    amount: Money
    captured_on: date
    raw: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ChargeRefused:
    """The provider refused. `detail` is its message, for a person to read."""

    attempt_id: str
    code: ChargeRefusalCode
    detail: str = ""
    raw: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no reliable answer: the money may or may not have moved. Only an enquiry resolves it.

    `unrecognised`: the provider does state an outcome, in words that we do not know, so that a person has to ask.
    """

    attempt_id: str
    detail: str
    raw: str = field(default="", compare=False)
    unrecognised: bool = False


@dataclass(frozen=True, slots=True)
class NotKnown:
    """The provider's answer to an enquiry about an id that it never received."""

    attempt_id: str
    raw: str = field(default="", compare=False)


ChargeResult = Succeeded | ChargeRefused | Unknown
EnquiryResult = ChargeResult | NotKnown
