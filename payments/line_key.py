"""The identity of a row of an outside file: its kind and its id."""

from dataclasses import dataclass
from enum import StrEnum


class LineKind(StrEnum):
    """The kind of movement that a row reports."""

    REPAYMENT = "repayment"  # a shopper sent money by transfer
    CAPTURE = "capture"  # the provider took a charge
    RETURN = "return"  # the provider returned a charge to the shopper
    REFUND = "refund"  # the provider gave money back to a shopper for us
    CHARGEBACK = "chargeback"  # the shopper's bank claimed a charge back; with the provider's fee for the case
    CHARGEBACK_WON = "chargeback_won"  # the provider gives us the money of a won charge-back
    FEE = "fee"  # a fee that the provider keeps
    FEE_RETURNED = "fee_returned"  # a fee that the provider gives back
    RESERVE_HELD = "reserve_held"  # money of ours that the provider withholds as a reserve
    RESERVE_RELEASED = "reserve_released"  # the provider gives us back what it withheld
    PAYOUT = "payout"  # a payout that the provider sends us
    PAYOUT_TAKEN = "payout_taken"  # the provider takes from our bank account what we owe it
    CREDIT = "credit"  # money in on a bank statement
    DEBIT = "debit"  # money out on a bank statement


BY_THE_SUM = frozenset(
    {LineKind.FEE, LineKind.FEE_RETURNED, LineKind.RESERVE_HELD, LineKind.PAYOUT, LineKind.PAYOUT_TAKEN}
)
"""Kinds of rows that nothing expects: the sum of their file accounts for them, and their payout books them."""


@dataclass(frozen=True, slots=True)
class LineKey:
    """The identity of a row across all files; its text is the stored form.

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
