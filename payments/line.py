"""A row of an outside file in our own words, and what we expect such rows to be."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from ledger.money import Money
from payments.matching import Expectation, Line, Window


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


class Leg:
    """Which two sides an expectation compares: the legs of reconciliation."""

    LEDGER_PROVIDER = 2
    PROVIDER_BANK = 3
    LEDGER_BANK = 4


def capture_key(attempt_id: str) -> str:
    return f"capture:{attempt_id}"


def return_key(attempt_id: str) -> str:
    return f"return:{attempt_id}"


def claim_key(case_id: str) -> str:
    """A charge-back in the provider's file."""
    return f"claim:{case_id}"


def claim_won_key(case_id: str) -> str:
    return f"claim-won:{case_id}"


def refund_key(payment_id: str) -> str:
    return f"refund:{payment_id}"


def payout_key(payout_id: str) -> str:
    """A provider's payout to us."""
    return f"payout:{payout_id}"


def debit_key(reference: str) -> str:
    """Money that leaves our bank under a reference of ours: a payout, a refund, a claim."""
    return f"debit:{reference}"


def brought_back_key(reference: str) -> str:
    """A payment of ours that the bank brings back."""
    return f"brought-back:{reference}"


def due_key(instalment_id: str) -> str:
    return f"due:{instalment_id}"


@dataclass(frozen=True, slots=True)
class FileLine:
    """One row. `amount` is its size, the kind its direction; `key` the expectation it names, if it names one.

    `reported_on` is the day of the file, `booked_on` the row's own day.
    """

    line_id: str
    kind: LineKind
    amount: Money
    booked_on: date
    reported_on: date
    key: str | None = None
    account_id: str | None = None
    payout_id: str | None = None
    bank_account: str | None = None
    counterparty: str | None = None
    detail: str = ""
    reference: str | None = field(default=None, compare=False)

    @property
    def line_key(self) -> str:
        """The row's identity among all files."""
        return f"{self.kind}:{self.line_id}"

    def to_match(self) -> Line:
        return Line(self.line_key, self.amount, self.booked_on, self.key, self.account_id)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the other side should show by `due_by`; a due is met in its window, everything else by its key."""

    key: str
    leg: int
    amount: Money
    expected_on: date
    due_by: date
    created_by: str
    account_id: str | None = None
    plan_id: str | None = None
    instalment_id: str | None = None
    window: Window | None = None
    met: bool = False

    def to_match(self) -> Expectation:
        return Expectation(self.key, self.amount, self.key, self.account_id, self.window, self.met)


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """All rows of a file that is whole. `statement` is set for a bank's."""

    kind: str
    lines: tuple[FileLine, ...]
    statement: "StatementHead | None" = None


@dataclass(frozen=True, slots=True)
class StatementHead:
    """Which statement it is, and the balances that its rows lead from and to."""

    bank_account: str
    currency: str
    number: int
    opening_minor: int
    closing_minor: int
    closed_on: date
