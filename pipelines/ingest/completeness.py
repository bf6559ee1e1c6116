"""Act: a producer's journal against the lake; every id in it has an event there, or is named.

A journal is what a producer says it has sent, kept where the stream cannot lose it: a source's file of what was
published, or the outbox of the platform's own facts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from ledger.database import Database
from pipelines.lake import raw
from pipelines.lake.table import Tables
from pipelines.sources.source import CanonicalEvent
from terminal.fault import Fault

MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Sent:
    """One line of a journal: an event, and when its producer put it."""

    event_id: str
    event_type: str
    put_at: datetime


@dataclass(frozen=True, slots=True)
class Hour:
    """The events that were put in one hour, and where the lake has them."""

    hour: datetime
    put: int
    accepted: int
    quarantined: int
    missing: int

    @property
    def rate(self) -> str:
        """The share that the lake has, in percent; 100 only when nothing is missing."""
        return f"{int(10_000 * (self.put - self.missing) / self.put) / 100:.2f} %"


@dataclass(frozen=True, slots=True)
class CompletenessReport:
    """What the journal holds hour by hour; `under_way` was put since the newest batch ended and is not judged yet."""

    hours: tuple[Hour, ...]
    quarantined: tuple[str, ...]
    missing: tuple[str, ...]
    missing_count: int
    under_way: int

    @property
    def is_complete(self) -> bool:
        """Every id that was put before the newest batch ended is in the lake."""
        return not self.missing_count


class SentEventsFault(Fault):
    """A journal cannot be read; names the file and the line."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}: line {line}: {reason}")


class FileJournal:
    """A journal of JSON lines. Lines are only ever added; an id written twice counts once."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._path = path
        self._now = now

    def add(self, events: Sequence[CanonicalEvent]) -> None:
        """Note events before they are put: one that is noted and never arrives is what a journal is there to show."""
        put_at = self._now().astimezone(UTC).isoformat()
        lines = [
            json.dumps({"event_id": event.event_id, "event_type": event.event_type, "put_at": put_at})
            for event in events
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n".join([*lines, ""]))


def read_journal(path: Path) -> Iterator[Sent]:
    """The lines of a journal; JournalFault names the first that is none.

    A last line without an end was being written when its producer was killed, before its event was put.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield _sent(path, number, line)
    except OSError as error:
        raise SentEventsFault(path, 0, error.strerror or str(error)) from error


def _sent(path: Path, number: int, line: bytes) -> Sent:
    try:
        found = orjson.loads(line)
        return Sent(found["event_id"], found["event_type"], datetime.fromisoformat(found["put_at"]))
    except (ValueError, TypeError, KeyError) as error:
        raise SentEventsFault(path, number, "needs event_id, event_type and put_at with its zone, as JSON") from error


def read_outbox(connection: Database) -> Iterator[Sent]:
    """The platform's own facts, each put when it was recorded."""
    facts = connection.execute("SELECT event_id, event_type, recorded_at FROM ledger.outbox ORDER BY position")
    return (Sent(event_id, event_type, recorded_at) for event_id, event_type, recorded_at in facts)


def completeness(journal: Iterable[Sent], tables: Tables) -> CompletenessReport:
    """Seek every id of the journal in the raw tables and, where they have it not, in the quarantine."""
    sent = list({each.event_id: each for each in journal}.values())
    until = newest_end(tables)
    due = [each for each in sent if until is not None and each.put_at < until]
    accepted = _ids(tables, raw.event_tables())
    quarantined = _ids(tables, [raw.QUARANTINE])
    hours: dict[datetime, list[int]] = {}
    kept, missing = [], []
    for each in due:
        counts = hours.setdefault(each.put_at.replace(minute=0, second=0, microsecond=0), [0, 0, 0, 0])
        counts[0] += 1
        if each.event_id in accepted:
            counts[1] += 1
        elif each.event_id in quarantined:
            counts[2] += 1
            kept.append(each.event_id)
        else:
            counts[3] += 1
            missing.append(each.event_id)
    return CompletenessReport(
        hours=tuple(Hour(hour, *counts) for hour, counts in sorted(hours.items())),
        quarantined=tuple(kept[:MOST_NAMED]),
        missing=tuple(missing[:MOST_NAMED]),
        missing_count=len(missing),
        under_way=len(sent) - len(due),
    )


def newest_end(tables: Tables) -> datetime | None:
    """When the newest whole batch ended, by the stream's clock."""
    ends = _column(tables, raw.BATCHES, "until")
    return None if not ends else datetime.fromtimestamp(max(ends) / 1000, UTC)


def _ids(tables: Tables, names: Iterable[str]) -> set[str]:
    return {event_id for name in names for event_id in _column(tables, name, "event_id") if event_id is not None}


def _column(tables: Tables, name: str, column: str) -> list[Any]:
    newest = tables.newest(name)
    if newest is None:
        return []
    found: list[Any] = tables.read(name, [column], snapshot_id=newest.snapshot_id, equal={})[column].to_pylist()
    return found
