"""The keys of expectations, which the matching rows of outside files carry too.

There is one type for each kind of key; its text, `<what>:<id>`, is stored in expectations, lines and breaks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lending.plan.plan import InstalmentId
from payments.ids import AttemptId, CaseId, ProviderPayoutId, RefundPaymentId


@dataclass(frozen=True, slots=True)
class CaptureKey:
    """The provider's file should show that it captured an attempt."""

    attempt_id: AttemptId

    def __str__(self) -> str:
        return f"capture:{self.attempt_id}"


@dataclass(frozen=True, slots=True)
class ReturnKey:
    """The provider's file should show that an attempt's money was returned."""

    attempt_id: AttemptId

    def __str__(self) -> str:
        return f"return:{self.attempt_id}"


@dataclass(frozen=True, slots=True)
class ClaimKey:
    """The provider's file should show the charge-back of a case."""

    case_id: CaseId

    def __str__(self) -> str:
        return f"claim:{self.case_id}"


@dataclass(frozen=True, slots=True)
class ClaimWonKey:
    """The provider's file should show the money of a case that we won."""

    case_id: CaseId

    def __str__(self) -> str:
        return f"claim-won:{self.case_id}"


@dataclass(frozen=True, slots=True)
class RefundKey:
    """The provider's file should show that it paid a refund to a shopper."""

    payment_id: RefundPaymentId

    def __str__(self) -> str:
        return f"refund:{self.payment_id}"


@dataclass(frozen=True, slots=True)
class PayoutKey:
    """Our bank's statement should show a provider's payout to us."""

    payout_id: ProviderPayoutId

    def __str__(self) -> str:
        return f"payout:{self.payout_id}"


@dataclass(frozen=True, slots=True)
class DebitKey:
    """Our bank's statement should show a debit with a reference of ours: of a payout, a refund payment or a case.

    A statement does not say which of the three it is, so the reference is plain text.
    """

    reference: str

    def __str__(self) -> str:
        return f"debit:{self.reference}"


@dataclass(frozen=True, slots=True)
class BroughtBackKey:
    """Our bank's statement should show a payment of ours that the bank returns to us."""

    reference: str

    def __str__(self) -> str:
        return f"brought-back:{self.reference}"


@dataclass(frozen=True, slots=True)
class ReserveKey:
    """The provider should give back what it withheld with a row of its file; `line_id` is that row."""

    line_id: str

    def __str__(self) -> str:
        return f"reserve:{self.line_id}"


@dataclass(frozen=True, slots=True)
class DueKey:
    """A shopper should pay an instalment by a transfer of their own, without a charge."""

    instalment_id: InstalmentId

    def __str__(self) -> str:
        return f"due:{self.instalment_id}"


@dataclass(frozen=True, slots=True)
class TransferKey:
    """A shopper sent money for a plan unasked, with this line of our bank's statement."""

    line_key: str

    def __str__(self) -> str:
        return f"transfer:{self.line_key}"


ExpectationKey = (
    CaptureKey
    | ReturnKey
    | ClaimKey
    | ClaimWonKey
    | RefundKey
    | PayoutKey
    | DebitKey
    | BroughtBackKey
    | ReserveKey
    | DueKey
    | TransferKey
)

_BY_NAME: Mapping[str, Callable[[str], ExpectationKey]] = {
    "capture": lambda text: CaptureKey(AttemptId(text)),
    "return": lambda text: ReturnKey(AttemptId(text)),
    "claim": lambda text: ClaimKey(CaseId(text)),
    "claim-won": lambda text: ClaimWonKey(CaseId(text)),
    "refund": lambda text: RefundKey(RefundPaymentId(text)),
    "payout": lambda text: PayoutKey(ProviderPayoutId(text)),
    "debit": DebitKey,
    "brought-back": BroughtBackKey,
    "reserve": ReserveKey,
    "due": lambda text: DueKey(InstalmentId(text)),
    "transfer": TransferKey,
}


class UnknownKey(ValueError):
    """Raised for a text that is not a stored key of any kind."""


def expectation_key(text: str) -> ExpectationKey:
    """The key that is stored as `text`.

    >>> expectation_key("claim-won:cb-1")
    ClaimWonKey(case_id='cb-1')
    """
    name, colon, about = text.partition(":")
    if not colon or name not in _BY_NAME:
        raise UnknownKey(f"{text!r} is not the key of an expectation")
    return _BY_NAME[name](about)
