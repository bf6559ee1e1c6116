"""The logs that the relay publishes from, and how far each can be published."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from terminal.fault import Fault


@dataclass(frozen=True, slots=True)
class Written:
    """A fact as stored in its log. `body` is the whole event as JSON; facts with the same `key` keep their order."""

    position: int
    event_id: str
    event_type: str
    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Horizon:
    """Entries up to `position` are final once every transaction before `txid` has ended."""

    position: int
    txid: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The position up to which a log is published, and the horizon stored by an earlier run."""

    position: int
    seen: Horizon


class OvertakenRelay(Fault):
    """Raised when another relay has published the facts that this one was about to mark as published."""


class FactLogs(Protocol):
    """Logs of facts, each with the position up to which it is published. Only one relay holds them at a time."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the logs."""

    def progress(self, log: str) -> Progress:
        """How far a log is published."""

    def horizon(self, log: str) -> Horizon:
        """The horizon at this moment: what becomes final when all running transactions have ended."""

    def reached(self, horizon: Horizon) -> bool:
        """Whether all transactions before the horizon have ended."""

    def remember(self, log: str, seen: Horizon) -> None:
        """Store a horizon for the next run."""

    def read(self, log: str, *, after: int, through: int, limit: int) -> Sequence[Written]:
        """The next facts after position `after`, in order, up to position `through`, which must be final."""

    def mark(self, log: str, *, after: int, position: int) -> None:
        """Mark facts up to `position` as published. Raises OvertakenRelay when another relay moved on from `after`."""

    def left(self, log: str) -> tuple[int, datetime | None]:
        """The number of unpublished facts, and when the oldest of them was recorded."""
