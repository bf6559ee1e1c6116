"""A charge asks a provider once for money, a refund to give it back; *unknown* is one of three answers, no failure.

`raw` of an answer is the provider's own message, kept for the record.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from ledger.money import Money
from payments.ids import AttemptId, RefundPaymentId


class ChargeRefusalCode(StrEnum):
    """Why a provider refused, in our words. The list is closed: each adapter maps its vendor's codes onto it."""

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
    """One attempt's request for money. `attempt_id` is the idempotency key: a re-send of the attempt keeps it."""

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
    """Money for a shopper, to go back by the way it came. `payment_id` is the idempotency key."""

    payment_id: RefundPaymentId
    shopper_id: str
    amount: Money
    requested_on: date

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise ValueError(f"amount_minor: {self.amount.minor} is not greater than zero")


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The provider moved the money on `captured_on`: took it from the shopper, or for a refund gave it back."""

    attempt_id: str
    provider_reference: str
    amount: Money
    captured_on: date
    raw: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ChargeRefused:
    """The provider will not take the money. `detail` is what it said, for a person to read."""

    attempt_id: str
    code: ChargeRefusalCode
    detail: str = ""
    raw: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer that can be relied on: it may or may not have happened. Only an enquiry resolves it."""

    attempt_id: str
    detail: str
    raw: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class NotKnown:
    """The provider's answer to an enquiry: it never saw this attempt."""

    attempt_id: str
    raw: str = field(default="", compare=False)


ChargeResult = Succeeded | ChargeRefused | Unknown
EnquiryResult = ChargeResult | NotKnown
