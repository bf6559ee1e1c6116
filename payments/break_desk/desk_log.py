"""What the break desk keeps: breaks with their events, acts done, and acts that wait for a second person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from payments.breaks import Break
from payments.files.line import FileLine


@dataclass(frozen=True, slots=True)
class BreakEvent:
    """One thing that happened to a break; class, owner, severity and due day are those from then on.

    `actor` is a principal, and then `act_id` is the act; or the program.
    """

    number: int
    event: str
    break_class: str
    owner: str
    severity: str
    due_by: date
    reason: str
    actor: str
    act_id: str | None
    on_day: date
    at: datetime


@dataclass(frozen=True, slots=True)
class BreakCase:
    """A break as the desk sees it, locked for an act.

    `line` is the row that it is about; `unit` what the row is booked with while it is open; `group_id` its match.
    """

    broken: Break
    line: FileLine | None = None
    unit: str | None = None
    group_id: str | None = None

    @property
    def break_id(self) -> str:
        return self.broken.break_id

    @property
    def is_open(self) -> bool:
        return self.broken.closed_on is None


@dataclass(frozen=True, slots=True)
class AskedDeskAct:
    """An act as it was asked for. `key` makes it safe to repeat: the same principal and key are one act."""

    break_id: str
    act: str
    arguments: Mapping[str, str]
    reason: str
    key: str


@dataclass(frozen=True, slots=True)
class KeptDeskAct:
    """An act that was done: the entries that it posted and reversed, and whether the break was open after it."""

    act_id: str
    asked: AskedDeskAct
    principal_id: str
    posted: tuple[str, ...]
    reversed: tuple[str, ...]
    still_open: bool
    recorded_at: datetime
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class DeskProposal:
    """An act that waits for a second person, or that one approved. `because` says why one is needed."""

    proposal_id: str
    asked: AskedDeskAct
    proposed_by: str
    because: tuple[str, ...]
    proposed_at: datetime
    expires_at: datetime
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class UndoneGroup:
    """A match as it was before it was undone."""

    group_id: str
    rule: str
    line_keys: Sequence[str]
    expectation_ids: Sequence[str]


def first_difference_of_desk_acts(known: AskedDeskAct, arriving: AskedDeskAct) -> str | None:
    """The first field in which two acts under one key differ, or None."""
    for name in ("break_id", "act", "reason"):
        if getattr(known, name) != getattr(arriving, name):
            return name
    names = sorted(known.arguments.keys() | arriving.arguments.keys())
    return next((name for name in names if known.arguments.get(name) != arriving.arguments.get(name)), None)
