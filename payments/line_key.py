"""The identity of a row of an outside file: what it says happened, and its own id."""

from dataclasses import dataclass
from enum import StrEnum


class LineKind(StrEnum):
    """What a row says happened."""

    REPAYMENT = "repayment"  # a shopper's bank account pushed money
    CAPTURE = "capture"  # the provider took a charge
    RETURN = "return"  # the provider took a charge back
    REFUND = "refund"  # the provider gave money back to a shopper for us
    CHARGEBACK = "chargeback"  # the provider took a charge back for the shopper's bank, with its fee for the case
    CHARGEBACK_WON = "chargeback_won"  # and gave it back
    FEE = "fee"  # the provider keeps
    PAYOUT = "payout"  # the provider sends
    CREDIT = "credit"  # money on a bank statement, in
    DEBIT = "debit"  # and out


@dataclass(frozen=True, slots=True)
class LineKey:
    """A row's identity among all files; its text is how it is stored.

    >>> LineKey.of(str(LineKey(LineKind.CREDIT, "main-GBP-0001/0002"))).line_id
    'main-GBP-0001/0002'
    """

    kind: LineKind
    line_id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.line_id}"

    @classmethod
    def of(cls, text: str) -> "LineKey":
        """The key that is stored as `text`."""
        kind, _, line_id = text.partition(":")
        return cls(LineKind(kind), line_id)
