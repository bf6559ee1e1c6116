"""What a source gives: canonical events in time order, and the rows that could not become one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from terminal.fault import Fault

# What the stream takes of one event, its account's id included.
MAX_EVENT_BYTES = 1024 * 1024


class SourceFault(Fault):
    """The source itself cannot be taken; raised before its first event, and names file and line."""

    def __init__(self, file: Path, line: int | None, reason: str) -> None:
        super().__init__(f"{file}: {'' if line is None else f'line {line}: '}{reason}")
        self.file = file
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CanonicalEvent:
    """One canonical event: who it is about decides its order, the body is its JSON in UTF-8."""

    event_id: str
    event_type: str
    account_id: str
    body: bytes

    @property
    def size(self) -> int:
        """Bytes that count against the stream's limit."""
        return len(self.body) + len(self.account_id.encode())


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not become an event; its file is known by content, so reading it again gives the same reject."""

    source: str
    file: str
    file_sha256: str
    line: int
    reason: str
    payload: str

    @property
    def reject_id(self) -> str:
        """The same for the same line of the same content, whatever the file is called."""
        return f"{self.file_sha256}:{self.line}"


@dataclass(frozen=True, slots=True)
class SourceReading:
    """A source read to its end: what was refused, how many events there are, and the events in time order."""

    rejects: tuple[Reject, ...]
    count: int
    events: Iterator[CanonicalEvent]


class Source(Protocol):
    """A foreign format as canonical events."""

    @property
    def name(self) -> str:
        """What events of this source say in `source`."""
        ...

    def read(self) -> SourceReading:
        """Read everything once; a fault of the source raises SourceFault before there is an event."""
        ...
