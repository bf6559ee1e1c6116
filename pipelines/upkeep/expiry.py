"""Which snapshots of a table may expire: a pure rule over the table's metadata."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pipelines.lake.table import NOTE, ROWS_OF
from pipelines.streams.iceberg import UNTIL
from terminal.fault import Fault

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class NotAnAge(Fault):
    """Raised for a text that is not an age."""


class SnapshotSummary(Protocol):
    """The properties of a snapshot that the rule needs."""

    @property
    def snapshot_id(self) -> int: ...
    @property
    def committed_at(self) -> datetime: ...
    @property
    def notes(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Expiry:
    """The snapshots that expire, and how many are kept for which reason."""

    going: tuple[int, ...]
    named: int
    """kept because a branch or a tag names them"""
    told: int
    """kept because each is the newest with some note of its writer"""
    unfinished: int
    """kept because they belong to an unfinished batch of the stream"""
    young: int


def age(option: str, text: str) -> timedelta:
    """`7d`, `12h`, `30m` or `0s`; anything else raises NotAnAge, which names the option.

    >>> age("--older-than", "36h")
    datetime.timedelta(days=1, seconds=43200)
    """
    found = re.fullmatch(r"(\d{1,5})([dhms])", text)
    if found is None:
        raise NotAnAge(f"{option} is {text!r}, which is no age; for example {option} 7d, 12h or 0s")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def expiry(
    snapshots: Sequence[SnapshotSummary], named: Collection[int], *, older_than: datetime, whole_until: int | None
) -> Expiry:
    """Which of `snapshots` (oldest first) expire: those committed before `older_than` that nothing needs.

    Acts read their notes from existing snapshots: which batches of the stream a table has, up to where the stream was
    read, from what a table was built. So for each note, the newest snapshot that has it is kept. Snapshots of batches
    that end after `whole_until`, the end of the last complete batch, are kept too, because such a batch is read again
    and only its missing tables are written. `whole_until` is None if no batch was ever complete.
    """
    # Whose rows a compacted snapshot has is of use only while that snapshot is there for another reason: kept for this
    # note alone, it would hold rows that were erased since.
    newest = {
        name: each.snapshot_id for each in snapshots for name in each.notes if name.startswith(NOTE) and name != ROWS_OF
    }
    # A table whose newest batch is unfinished has earlier batches to tell of too.
    whole = [each.snapshot_id for each in snapshots if _is_whole(each, whole_until)]
    told = {*newest.values(), *whole[-1:]} - set(named)
    unfinished = {each.snapshot_id for each in snapshots if UNTIL in each.notes and not _is_whole(each, whole_until)}
    unfinished -= told | set(named)
    rest = [each for each in snapshots if each.snapshot_id not in {*named, *told, *unfinished}]
    going = tuple(each.snapshot_id for each in rest if each.committed_at < older_than)
    present = {each.snapshot_id for each in snapshots}
    return Expiry(going, len(present & set(named)), len(told), len(unfinished), len(rest) - len(going))


def _is_whole(snapshot: SnapshotSummary, whole_until: int | None) -> bool:
    return UNTIL in snapshot.notes and whole_until is not None and int(snapshot.notes[UNTIL]) <= whole_until
