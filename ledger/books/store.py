"""The interface to the books: requests, answers and reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from ledger.account import Balance
from ledger.books.credit_limit import LimitAnswer
from ledger.books.statement import OpenGroup, StatementLine, TrialBalance
from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.money import Currency, Money
from terminal.fault import Fault


class RefusalCode(StrEnum):
    """The reasons for a refusal, in the order in which several are listed."""

    CLOSED_PERIOD = "closed_period"  # the value date lies in a closed period
    NOT_REVERSIBLE = "not_reversible"  # a hold is voided instead, and a reversal is not reversed
    ALREADY_REVERSED = "already_reversed"  # an entry can be reversed only once
    NOT_REVERSED = "not_reversed"  # the entry that it corrects has not been reversed
    HOLD_RESOLVED = "hold_resolved"  # nothing of the hold is left: all of it was posted or voided
    HOLD_EXPIRED = "hold_expired"  # the posting was recorded after the hold had expired
    NOT_HELD = "not_held"  # the journal posts none of the transfers that were held
    MORE_THAN_HELD = "more_than_held"  # it posts more of a held transfer than remains
    BELOW_ZERO = "below_zero"  # the account would fall below its floor, holds included
    BEYOND_CREDIT_LIMIT = "beyond_credit_limit"  # the account would fall below minus its credit limit, holds included
    TOO_LARGE = "too_large"  # a counter would pass 64 bits


TOO_LITTLE = frozenset({RefusalCode.BELOW_ZERO, RefusalCode.BEYOND_CREDIT_LIMIT})  # insufficient balance


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason for a refusal, and the account or hold that it concerns."""

    code: RefusalCode
    about: str
    detail: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """The journal was written by this call."""

    entry_id: str


@dataclass(frozen=True, slots=True)
class AlreadyRecorded:
    """The journal was written before with the same content; nothing changed."""

    entry_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The request was refused, with every reason. The refusal is stored, and repeating the request returns it again."""

    entry_id: str
    reasons: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Voided:
    """The remainder of the hold was released by this call."""

    hold_id: str


@dataclass(frozen=True, slots=True)
class AlreadyVoided:
    """The hold had been voided before; nothing changed."""

    hold_id: str


Outcome = Recorded | AlreadyRecorded | Refused
Answer = Outcome | Voided | AlreadyVoided


class Conflict(Fault):
    """Raised when a known id is requested again with other content; `field` is the first that differs."""

    def __init__(self, entry_id: str, field: str) -> None:
        super().__init__(entry_id, field)
        self.entry_id = entry_id
        self.field = field

    def __str__(self) -> str:
        return f"{self.entry_id} is recorded with another {self.field}"


class UnknownEntry(Fault, LookupError):
    """Raised when an entry to reverse or correct was never recorded, or was refused."""

    @property
    def user_message(self) -> str:
        return f"no entry {self.args[0]} was ever recorded"


class UnknownHold(Fault, LookupError):
    """Raised when a hold to post or void was never placed, or was refused."""

    @property
    def user_message(self) -> str:
        return f"no hold {self.args[0]} was ever placed"


class Act(StrEnum):
    """What a request does in the books."""

    POST = "post"
    HOLD = "hold"
    POST_HOLD = "post_hold"
    VOID = "void"
    REVERSE = "reverse"


@dataclass(frozen=True, slots=True)
class Request:
    """A journal and the act to perform with it. A `free` one is an approved free-form entry on any accounts."""

    act: Act
    journal: Journal
    hold_id: str | None = None
    expires_at: datetime | None = None
    free: bool = False

    @property
    def entry_id(self) -> str:
        return self.journal.entry_id


@dataclass(frozen=True, slots=True)
class Void:
    """Asks to release what remains of a hold."""

    hold_id: str
    at: datetime
    reason: str

    @property
    def entry_id(self) -> str:
        return f"void:{self.hold_id}"


@dataclass(frozen=True, slots=True)
class Reversal:
    """Asks for the mirror image of an entry (F38). `suffix` separates a retry from an earlier refused reversal."""

    reverses: str
    value_date: date
    occurred_at: datetime
    recorded_at: datetime
    reason: str
    suffix: str = ""

    @property
    def entry_id(self) -> str:
        return f"{Flow.REVERSED}:{self.reverses}{self.suffix}"


Asked = Request | Void | Reversal


@dataclass(frozen=True, slots=True)
class Entry:
    """A recorded journal. `position` is its place in the order of recording; `hold_id` is the hold that it posted.

    `reverses` and `reversed_by` link a reversal and the entry that it reverses.
    """

    position: int
    act: Act
    journal: Journal
    hold_id: str | None = None
    expires_at: datetime | None = None
    reverses: str | None = None
    reversed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A held journal, and what remains of each of its transfers in their order."""

    hold_id: str
    journal: Journal
    expires_at: datetime | None
    remaining: tuple[Money, ...]
    voided: bool

    @property
    def open(self) -> bool:
        return any(amount.minor for amount in self.remaining)


class Ledger(Protocol):
    """Writes the books. A journal is written whole or not at all, once per id, and never changed.

    An adapter never commits, so plan rows, attempts and journals of one database transaction commit or roll back
    together.
    """

    def post(self, journal: Journal) -> Outcome:
        """Write a journal. Raises Conflict for a known id with another content, NotOnTheMap for an unknown flow."""

    def post_all(self, journals: Sequence[Journal]) -> tuple[Outcome, ...]:
        """Post many journals in order, in a few round trips. One refusal does not affect the other journals."""

    def post_batch(self, requests: Sequence[Asked]) -> tuple[Answer, ...]:
        """Post, hold, post holds, void and reverse in any order; a request may refer to an earlier one of the batch."""

    def preview(self, requests: Sequence[Asked]) -> tuple[Answer, ...]:
        """The answers and exceptions that `post_batch` would give, without writing anything."""

    def hold(self, journal: Journal, *, expires_at: datetime | None = None) -> Outcome:
        """Reserve a journal's amounts under its id: they count against floors and limits but are not posted."""

    def post_hold(self, hold_id: str, journal: Journal) -> Outcome:
        """Post a hold, whole or in part; the journal may contain other transfers too. Raises UnknownHold."""

    def void_hold(self, hold_id: str, *, at: datetime, reason: str) -> Voided | AlreadyVoided | Refused:
        """Release what remains of a hold. Raises UnknownHold."""

    def reverse(
        self, entry_id: str, *, value_date: date, occurred_at: datetime, recorded_at: datetime, reason: str
    ) -> Outcome:
        """Write the mirror image of an entry, once. Raises UnknownEntry."""

    def set_credit_limit(self, account: str, limit: Money, *, by: str, reason: str, at: datetime) -> LimitAnswer:
        """Let an account with a floor fall to minus this limit, holds included. Raises LimitFault."""


class Books(Protocol):
    """Reads the books.

    A balance can be limited to journals valued by a day (`valued_by`), to journals recorded by a moment
    (`recorded_by`), or both.
    """

    def entry(self, entry_id: str) -> Entry | None:
        """A journal, posted or held, by its id."""

    def entries(self, *, correlation: Mapping[str, str]) -> tuple[Entry, ...]:
        """Every journal, posted or held, that carries all of these correlation ids, in the order of recording."""

    def find_hold(self, hold_id: str) -> Hold | None:
        """A hold with what remains of it."""

    def open_holds(self, *, expired_at: datetime | None = None) -> tuple[Hold, ...]:
        """Holds with a remainder, in the order of expiry; with `expired_at` only those expired by then."""

    def balance(
        self,
        account: str,
        currency: Currency,
        *,
        valued_by: date | None = None,
        recorded_by: datetime | None = None,
    ) -> Balance:
        """The counters of an account; all zero when it was never used. Pending amounts are always the present ones."""

    def credit_limit(self, account: str, currency: Currency) -> Money:
        """How far an account with a floor may fall below zero now; zero when no limit was set."""

    def currencies(self, account: str) -> tuple[Currency, ...]:
        """The currencies in which an account was ever used, in the order of their codes."""

    def balances(self) -> Mapping[tuple[str, Currency], Balance]:
        """The counters of every account that was ever used."""

    def trial_balance(
        self, as_of: date | None = None, *, valued_by: date | None = None, recorded_by: datetime | None = None
    ) -> TrialBalance:
        """Every account's posted balance; `as_of` is another name for `valued_by`."""

    def statement(
        self,
        account: str,
        currency: Currency,
        *,
        as_of: date | None = None,
        valued_by: date | None = None,
        recorded_by: datetime | None = None,
    ) -> tuple[StatementLine, ...]:
        """The account's posted transfers in the order of value date and recording, each with the balance after it."""

    def closed_through(self) -> date | None:
        """The last day that is closed to postings; None when no period is closed."""

    def open_groups(self, as_of: date) -> tuple[OpenGroup, ...]:
        """Groups of clearing accounts that have not returned to zero, the oldest first."""
