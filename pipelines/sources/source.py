"""The port to a source: canonical events in time order, and the rows that could not become events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from terminal.fault import Fault

# The stream's limit on the size of one event, its account's id included.
MAX_EVENT_BYTES = 1024 * 1024


class SourceFault(Fault):
    """Raised if a source cannot be read, before its first event; names file and line."""

    def __init__(self, file: Path, line: int | None, reason: str) -> None:
        super().__init__(f"{file}: {'' if line is None else f'line {line}: '}{reason}")
        self.file = file
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CanonicalEvent:
    """One canonical event: its key, within which the order is kept, and its JSON in UTF-8."""

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
    """A row that could not become an event. Its file is identified by content, so a reread gives the same reject."""

    source: str
    file: str
    file_sha256: str
    line: int
    reason: str
    payload: str

    @property
    def reject_id(self) -> str:
        """The id, derived from the line and the file's content, but not from the file's name."""
        return f"{self.file_sha256}:{self.line}"


@dataclass(frozen=True, slots=True)
class SourceReading:
    """A source read to its end: the rejects, the number of events, and the events in time order."""

    rejects: tuple[Reject, ...]
    count: int
    events: Iterator[CanonicalEvent]


class Source(Protocol):
    """Reads a foreign format as canonical events."""

    @property
    def name(self) -> str:
        """The value of `source` in events of this source."""
        ...

    def read(self) -> SourceReading:
        """Read everything once; raises SourceFault before the first event if the source is faulty."""
        ...
