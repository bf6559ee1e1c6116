"""Files of canonical events: one JSON object a line, in `accounts.jsonl`, `bank_transactions.jsonl`, ….

Only what cannot be an event at all is refused here. An event that breaks its contract goes on: judging
it is the ingest's work, where it is kept with the rule it broke.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import orjson

from data_contracts.catalog import event_contracts
from data_contracts.quarantine import text_of
from pipelines.sources.source import MAX_EVENT_BYTES, Event, Reading, Reject, SourceFault

_ENVELOPE = ("event_id", "event_type", "account_id")
_LONGEST_KEY = 256
_UNDATED = "~"  # sorts behind every time


@dataclass(frozen=True, slots=True)
class Canonical:
    """The files of canonical events in a folder; files of other names are not looked at."""

    folder: Path
    source: str = "canonical"

    @property
    def name(self) -> str:
        return self.source

    def read(self) -> Reading:
        """Read all files; events come in the order in which they were recorded."""
        rejects: list[Reject] = []
        dated: list[tuple[str, Event]] = []
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
        return Reading(tuple(rejects), len(dated), _events(dated))


def _events(dated: list[tuple[str, Event]]) -> Iterator[Event]:
    return (event for _, event in dated)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SourceFault(folder, None, "no such folder")
    stems = sorted((found.raw_table or "").partition(".")[2] for found in event_contracts().values())
    # Facts that others refer to come first where times are equal: accounts before their movements.
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


def _event(line: bytes) -> tuple[str, Event] | str:
    """The event with the time it was recorded, or why the line cannot be one."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return f"not JSON: {error}"
    if not isinstance(record, dict):
        return "not a JSON object"
    envelope = [text_of(record.get(name)) for name in _ENVELOPE]
    if missing := [name for name, text in zip(_ENVELOPE, envelope, strict=True) if not text]:
        return f"without {', '.join(missing)}"
    event_id, event_type, account_id = (text or "" for text in envelope)
    if len(account_id) > _LONGEST_KEY:
        return f"account_id has {len(account_id)} characters, the stream takes {_LONGEST_KEY}"
    event = Event(event_id, event_type, account_id, line)
    if event.size > MAX_EVENT_BYTES:
        return f"event {event_id[:128]} has {event.size} bytes, the stream takes {MAX_EVENT_BYTES}"
    recorded_at = record.get("recorded_at")
    return (recorded_at if isinstance(recorded_at, str) else _UNDATED), event
