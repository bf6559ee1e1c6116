"""What every reader of an outside payment file yields: accounts, entries, balances, statuses, and totals that fail.

Amounts are exact decimals as written in the file. They may have more decimals than the currency, up to the five of
ISO 20022.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from payments.break_class import BreakClass


class Direction(StrEnum):
    """Whether an entry adds to or takes from the account that the file is about, by the codes of ISO 20022."""

    CREDIT = "CRDT"
    DEBIT = "DBIT"

    @property
    def opposite(self) -> "Direction":
        return Direction.DEBIT if self is Direction.CREDIT else Direction.CREDIT


@dataclass(frozen=True, slots=True)
class EntryDetail:
    """One transaction of an entry; an entry that books a batch has several."""

    amount: Decimal | None = None
    currency: str | None = None
    end_to_end_id: str | None = None
    mandate_id: str | None = None
    reason: str | None = None
    remittance: str | None = None
    counterparty: str | None = None


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One movement. `amount` has no sign. Only a `booked` one is money: others are pending or information.

    `number` counts the entries of the statement or batch, which `statement` names; with the account they are the
    identity of the entry.
    """

    line: int
    statement: str
    number: int
    amount: Decimal
    currency: str
    direction: Direction
    status: str
    booked: bool
    account: str | None = None
    booked_on: date | None = None
    value_on: date | None = None
    reference: str | None = None
    is_reversal: bool = False
    reason: str | None = None
    counterparty: str | None = None
    text: str | None = None
    details: tuple[EntryDetail, ...] = ()


@dataclass(frozen=True, slots=True)
class FileAccount:
    """An account that the file is about."""

    account: str


@dataclass(frozen=True, slots=True)
class ReportedBalance:
    """A balance that the file states; `amount` is negative when the account is overdrawn."""

    account: str | None
    kind: str
    amount: Decimal
    currency: str
    on: date | None


@dataclass(frozen=True, slots=True)
class ReportedStatus:
    """The status of an order, a mandate or a whole message (then it is no item), with the codes of its reasons."""

    status: str
    reasons: tuple[str, ...] = ()
    reference: str | None = None
    is_item: bool = True


@dataclass(frozen=True, slots=True)
class OwnTotalBroken:
    """A control sum, trailer or balance equation of the file that its own entries contradict: break E26."""

    what: str
    says: str
    found: str
    break_class: BreakClass = BreakClass.STATEMENT_BALANCE


FileItem = FileEntry | FileAccount | ReportedBalance | ReportedStatus | OwnTotalBroken
