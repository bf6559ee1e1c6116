"""What the relay needs of the logs that it follows: what lies in them, and how far they can be published."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from terminal.fault import Fault


@dataclass(frozen=True, slots=True)
class Written:
    """A fact as it lies in its log; facts of one `key` keep their order, `body` is the whole event as JSON."""

    position: int
    event_id: str
    event_type: str
    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Horizon:
    """Positions up to `position` are decided once every transaction before `txid` has ended."""

    position: int
    txid: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Up to where a log is published, and the horizon that an earlier run saw."""

    position: int
    seen: Horizon


class OvertakenRelay(Fault):
    """Another relay has published what this one was about to mark: this one lost its turn with its connection."""


class FactLogs(Protocol):
    """Logs of facts, each with the position up to which it is published. Only one relay has them at a time."""

    @property
    def names(self) -> Sequence[str]:
        """The logs there are."""

    def progress(self, log: str) -> Progress:
        """How far a log is published."""

    def horizon(self, log: str) -> Horizon:
        """What will be decided when all that write now have ended."""

    def reached(self, horizon: Horizon) -> bool:
        """Whether they have."""

    def remember(self, log: str, seen: Horizon) -> None:
        """Keep a horizon for the next run."""

    def read(self, log: str, *, after: int, through: int, limit: int) -> Sequence[Written]:
        """The next facts behind `after`, in the order of their positions, up to a position that is decided."""

    def mark(self, log: str, *, after: int, position: int) -> None:
        """All up to `position` is on the stream. Raises OvertakenRelay when somebody else has gone on from `after`."""

    def left(self, log: str) -> tuple[int, datetime | None]:
        """How many facts are written and not published, and since when the oldest of them is known."""
