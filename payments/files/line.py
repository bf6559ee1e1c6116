"""A row of an outside file, translated from its source's format into our own types."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from ledger.money import Money
from payments.expectation import StatementRow
from payments.expectation_key import ExpectationKey
from payments.ids import ProviderPayoutId
from payments.line_key import LineKey, LineKind


@dataclass(frozen=True, slots=True)
class FileLine:
    """One row. `amount` has no sign, its direction follows from the kind; `key` is the expectation it names, if any.

    `reported_on` is the day of the file, `booked_on` the day of the row itself, `value_on` the day on which a bank
    counts it for interest, where it says so. `row` is its line in the file, if the file has lines. `taking` is 1, and
    one more for each match of it that a person undid.
    """

    line_id: str
    kind: LineKind
    amount: Money
    booked_on: date
    reported_on: date
    key: ExpectationKey | None = None
    account_id: str | None = None
    payout_id: ProviderPayoutId | None = None
    bank_account: str | None = None
    counterparty: str | None = None
    detail: str = ""
    value_on: date | None = None
    reference: str | None = field(default=None, compare=False)
    taking: int = field(default=1, compare=False)
    row: int = field(default=0, compare=False)

    @property
    def line_key(self) -> LineKey:
        """The identity of the row across all files."""
        return LineKey(self.kind, self.line_id)

    @property
    def payment_id(self) -> str:
        """The id of the payment that the row is, which another taking of the same money does not share."""
        return str(self.line_key) if self.taking == 1 else f"{self.line_key}~{self.taking}"

    def to_match(self) -> StatementRow:
        return StatementRow(
            self.line_key, self.amount, self.booked_on, self.key, self.account_id, self.detail, self.counterparty
        )


class LineConflict(Exception):
    """Raised for a row whose id was taken before with other content; `field` is the first difference."""

    def __init__(self, line_key: LineKey, field: str) -> None:
        super().__init__(f"{line_key} came earlier with another {field}")
        self.line_key = line_key
        self.field = field


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file as it is read: a fault may come after many lines, so they count only once the last one was read.

    `statements` is complete by then: a bank has one for each account and currency. `dated_by_last`: every row is
    reported on the last day of any row, because the file is that day's.
    """

    kind: str
    lines: Iterable[FileLine]
    statements: "list[StatementHead]" = field(default_factory=list)
    dated_by_last: bool = False


@dataclass(frozen=True, slots=True)
class StatementHead:
    """A bank statement's account, its number if the bank counts them, and its opening and closing balance."""

    bank_account: str
    currency: str
    number: int | None
    opening_minor: int
    closing_minor: int
    closed_on: date
