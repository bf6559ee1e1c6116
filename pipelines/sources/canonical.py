"""Read files of canonical events: one JSON object a line, in `accounts.jsonl`, `bank_transactions.jsonl`, ….

Only lines that cannot be an event at all are refused here. Events that break their contract are passed on, because
ingest validates them and quarantines them with the rule they broke.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from data_contracts.catalog import event_contracts
from data_contracts.quarantine import text_of
from pipelines.sources.source import MAX_EVENT_BYTES, CanonicalEvent, Reject, SourceFault, SourceReading

# The partition key of an event: its account, or without one its shopper or merchant.
_KEYS = ("account_id", "shopper_id", "merchant_id")
# For equal times, events that others refer to come first: shoppers, then their accounts, then bank transactions.
_FIRST = ("merchants", "shoppers", "accounts")
_LONGEST_KEY = 256
_UNDATED = "~"  # sorts behind every time


@dataclass(frozen=True, slots=True)
class Canonical:
    """The source: files of canonical events in a folder; files with other names are ignored."""

    folder: Path
    source: str = "canonical"

    @property
    def name(self) -> str:
        return self.source

    def read(self) -> SourceReading:
        """Read all files; events are in the order in which they were recorded."""
        rejects: list[Reject] = []
        dated: list[tuple[str, CanonicalEvent]] = []
        for path in _files(self.folder):
            data = _content(path)
            digest = sha256(data).hexdigest()
            for number, line in enumerate(data.split(b"\n"), start=1):
                if not line.strip():
                    continue
                found = _event(line.removesuffix(b"\r"))
                if isinstance(found, str):
                    payload = line.decode("utf-8", errors="backslashreplace")
                    rejects.append(Reject(self.source, path.name, digest, number, found, payload))
                else:
                    dated.append(found)
        dated.sort(key=lambda each: each[0])
        return SourceReading(tuple(rejects), len(dated), _events(dated))


def _events(dated: list[tuple[str, CanonicalEvent]]) -> Iterator[CanonicalEvent]:
    return (event for _, event in dated)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SourceFault(folder, None, "no such folder")
    named = {(found.raw_table or "").partition(".")[2] for found in event_contracts().values()}
    stems = [*_FIRST, *sorted(named.difference(_FIRST))]
    found = [path for stem in stems for end in ("jsonl", "jsonl.gz") if (path := folder / f"{stem}.{end}").exists()]
    if not found:
        raise SourceFault(folder, None, f"none of {', '.join(f'{stem}.jsonl[.gz]' for stem in stems)}")
    return found


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise SourceFault(path, None, f"cannot be read: {error}") from error


def _event(line: bytes) -> tuple[str, CanonicalEvent] | str:
    """The event and the time it was recorded, or the reason why the line cannot be an event."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return f"not JSON: {error}"
    if not isinstance(record, dict):
        return "not a JSON object"
    event_id, event_type = (text_of(record.get(name)) or "" for name in ("event_id", "event_type"))
    named, key = _key(record)
    needed = {"event_id": event_id, "event_type": event_type, named: key}
    if missing := [name for name, text in needed.items() if not text]:
        return f"without {', '.join(missing)}"
    if len(key) > _LONGEST_KEY:
        return f"{named} has {len(key)} characters, the stream takes {_LONGEST_KEY}"
    event = CanonicalEvent(event_id, event_type, key, line)
    if event.size > MAX_EVENT_BYTES:
        return f"event {event_id[:128]} has {event.size} bytes, the stream takes {MAX_EVENT_BYTES}"
    recorded_at = record.get("recorded_at")
    return (recorded_at if isinstance(recorded_at, str) else _UNDATED), event


def _key(record: dict[str, Any]) -> tuple[str, str]:
    """The first of the possible keys that the event has, and its value; if it has none, all their names and ''."""
    found = ((name, text) for name in _KEYS if (text := text_of(record.get(name))))
    return next(found, (" or ".join(_KEYS), ""))
