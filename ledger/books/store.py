"""What the rest of the platform needs of the books, and every answer they give."""

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
    """Why the books say no, in the order in which several reasons are given."""

    CLOSED_PERIOD = "closed_period"  # the value date lies in a period that takes no posting any more
    NOT_REVERSIBLE = "not_reversible"  # a hold is voided instead, and a reversal is not reversed
    ALREADY_REVERSED = "already_reversed"  # an entry is reversed once
    NOT_REVERSED = "not_reversed"  # what it says it corrects still stands
    HOLD_RESOLVED = "hold_resolved"  # nothing of the hold is left: all of it was posted or voided
    HOLD_EXPIRED = "hold_expired"  # it was known only after the hold had run out
    NOT_HELD = "not_held"  # the journal posts none of the transfers that were held
    MORE_THAN_HELD = "more_than_held"  # it posts more of a held transfer than is left of it
    BELOW_ZERO = "below_zero"  # the account's floor would break, counting holds
    BEYOND_CREDIT_LIMIT = "beyond_credit_limit"  # it may be overdrawn, but not by that much, counting holds
    TOO_LARGE = "too_large"  # a counter would pass 64 bits


TOO_LITTLE = frozenset({RefusalCode.BELOW_ZERO, RefusalCode.BEYOND_CREDIT_LIMIT})  # there is not that much to take


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason, and the account or hold that it is about."""

    code: RefusalCode
    about: str
    detail: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """It was written now."""

    entry_id: str


@dataclass(frozen=True, slots=True)
class AlreadyRecorded:
    """It was written before with the same content; nothing changed."""

    entry_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was written but this answer: the same request gets it again, with every reason."""

    entry_id: str
    reasons: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Voided:
    """What was left of the hold is released."""

    hold_id: str


@dataclass(frozen=True, slots=True)
class AlreadyVoided:
    """It had been voided before."""

    hold_id: str


Outcome = Recorded | AlreadyRecorded | Refused
Answer = Outcome | Voided | AlreadyVoided


class Conflict(Fault):
    """Raised when an id that the books know comes again with another content; `field` is the first that differs."""

    def __init__(self, entry_id: str, field: str) -> None:
        super().__init__(entry_id, field)
        self.entry_id = entry_id
        self.field = field

    def __str__(self) -> str:
        return f"{self.entry_id} is recorded with another {self.field}"


class UnknownEntry(Fault, LookupError):
    """Raised when an entry is reversed or corrected that was never recorded, or that was refused."""

    @property
    def user_message(self) -> str:
        return f"no entry {self.args[0]} was ever recorded"


class UnknownHold(Fault, LookupError):
    """Raised when a hold is posted or voided that was never placed, or that was refused."""

    @property
    def user_message(self) -> str:
        return f"no hold {self.args[0]} was ever placed"


class Act(StrEnum):
    """What a request asks of the books."""

    POST = "post"
    HOLD = "hold"
    POST_HOLD = "post_hold"
    VOID = "void"
    REVERSE = "reverse"


@dataclass(frozen=True, slots=True)
class Request:
    """A journal and what is asked of the books with it; a `free` one was approved and may use any accounts."""

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
    """Asks to release what is left of a hold."""

    hold_id: str
    at: datetime
    reason: str

    @property
    def entry_id(self) -> str:
        return f"void:{self.hold_id}"


@dataclass(frozen=True, slots=True)
class Reversal:
    """Asks for the mirror image of an entry, F38. `suffix` tells a second attempt from a first that was refused."""

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
    """A journal as the books have it. `position` is the order of recording; `hold_id` the hold that it posted.

    A reversal and what it reverses name each other.
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
    """A held journal and what is left of each of its transfers, in their order."""

    hold_id: str
    journal: Journal
    expires_at: datetime | None
    remaining: tuple[Money, ...]
    voided: bool

    @property
    def open(self) -> bool:
        return any(amount.minor for amount in self.remaining)


class Ledger(Protocol):
    """Writes the books. Each journal is written whole or not at all, once per id, and never changes again.

    An adapter never commits: plan rows, attempts and journals of one database transaction stand or fall together.
    """

    def post(self, journal: Journal) -> Outcome:
        """Write a journal. Raises Conflict for a known id with another content, NotOnTheMap for an unknown flow."""

    def post_all(self, journals: Sequence[Journal]) -> tuple[Outcome, ...]:
        """Write many, in order, in a few round trips; each has its own answer, whatever the others' are."""

    def post_batch(self, requests: Sequence[Asked]) -> tuple[Answer, ...]:
        """Post, hold, post holds, void and reverse, mixed and in order; a request may refer to one before it."""

    def preview(self, requests: Sequence[Asked]) -> tuple[Answer, ...]:
        """The answers, and the exceptions, that post_batch would give, writing nothing."""

    def hold(self, journal: Journal, *, expires_at: datetime | None = None) -> Outcome:
        """Reserve a journal's amounts under its id: counted against limits, not yet posted."""

    def post_hold(self, hold_id: str, journal: Journal) -> Outcome:
        """Write a journal that posts a hold, whole or in part, and may move more beside it. Raises UnknownHold."""

    def void_hold(self, hold_id: str, *, at: datetime, reason: str) -> Voided | AlreadyVoided | Refused:
        """Release what is left of a hold. Raises UnknownHold."""

    def reverse(
        self, entry_id: str, *, value_date: date, occurred_at: datetime, recorded_at: datetime, reason: str
    ) -> Outcome:
        """Write the mirror image of an entry, once. Raises UnknownEntry."""

    def set_credit_limit(self, account: str, limit: Money, *, by: str, reason: str, at: datetime) -> LimitAnswer:
        """Let an account with a floor fall to minus this, holds counted, until the next. Raises LimitFault."""


class Books(Protocol):
    """Reads the books.

    Balances can be asked as of a day from which the money counts (`valued_by`), as of a moment up to which it was known
    to us (`recorded_by`), and both.
    """

    def entry(self, entry_id: str) -> Entry | None:
        """A journal, posted or held, by its id."""

    def entries(self, *, correlation: Mapping[str, str]) -> tuple[Entry, ...]:
        """Every journal, posted or held, that carries all of these correlation ids, in the order of recording."""

    def find_hold(self, hold_id: str) -> Hold | None:
        """A hold with what is left of it."""

    def open_holds(self, *, expired_at: datetime | None = None) -> tuple[Hold, ...]:
        """Holds with something left, those that run out first first; with `expired_at` only those run out by then."""

    def balance(
        self,
        account: str,
        currency: Currency,
        *,
        valued_by: date | None = None,
        recorded_by: datetime | None = None,
    ) -> Balance:
        """The counters of an account; zeros where nothing was ever written. What is pending has no past."""

    def credit_limit(self, account: str, currency: Currency) -> Money:
        """How far an account with a floor may fall below it now; zero where no limit was ever set."""

    def balances(self) -> Mapping[tuple[str, Currency], Balance]:
        """The counters of every account that was ever written to."""

    def trial_balance(
        self, as_of: date | None = None, *, valued_by: date | None = None, recorded_by: datetime | None = None
    ) -> TrialBalance:
        """Every account's posted balance; `as_of` is `valued_by`."""

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
        """The last day that takes no posting any more."""

    def open_groups(self, as_of: date) -> tuple[OpenGroup, ...]:
        """Groups of clearing accounts that have not returned to zero, oldest first: the work list."""
