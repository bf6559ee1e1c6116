"""The state of the stream in the lake: which batches it has, and where each shard stopped.

A batch is identified by its end, `until`, in milliseconds of the service's clock. Each table of a batch has it in the
notes of its snapshot. `raw.batches` is written last, so a batch that is missing there is unfinished and is read again
with the same end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pyiceberg.catalog import Catalog
from pyiceberg.table.metadata import TableMetadata

from pipelines.lake.iceberg import all_metadata, metadata, namespace, table_name
from pipelines.lake.table import ROWS_OF
from pipelines.settings import Settings

UNTIL = "tranche.until"
# The number of the batch's rows in the table. Compaction repeats this note, because its own row count differs.
ROWS = "tranche.rows"
STOPS = "tranche.stops"
REDRIVE = "tranche.redrive"
BATCHES = "raw.batches"


@dataclass(frozen=True, slots=True)
class Stops:
    """The last sequence number read of each shard, for the stream created at `created_ms`."""

    created_ms: int
    shards: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Stops:
        """Parse the text that `str` makes."""
        found = json.loads(text)
        return cls(found["created_ms"], found["shards"])

    def __str__(self) -> str:
        return json.dumps({"created_ms": self.created_ms, "shards": dict(sorted(self.shards.items()))})

    def of(self, created_ms: int, listed: frozenset[str] | None = None) -> Mapping[str, str]:
        """The stops by shard; empty if the stream was created anew since.

        With `listed`, only those shards: a shard that the service no longer has is never read again.
        """
        if self.created_ms != created_ms:
            return {}
        return {shard: stop for shard, stop in self.shards.items() if listed is None or shard in listed}


@dataclass(frozen=True, slots=True)
class Committed:
    """A batch that is complete in the lake."""

    until: int
    stops: Stops


def committed(catalog: Catalog, settings: Settings, at_most: int | None = None) -> Committed | None:
    """The newest complete batch; if `at_most` is given, of those that end at or before it."""
    return _newest(_summaries(metadata(catalog, table_name(settings, BATCHES))), at_most)


def _newest(summaries: Iterable[Mapping[str, str]], at_most: int | None = None) -> Committed | None:
    found = [
        Committed(int(summary[UNTIL]), Stops.parse(summary[STOPS]))
        for summary in summaries
        if STOPS in summary and (at_most is None or int(summary[UNTIL]) <= at_most)
    ]
    return max(found, key=lambda batch: batch.until, default=None)


def batches_of(catalog: Catalog, settings: Settings, table: str) -> set[int]:
    """The ends of all batches that a table has."""
    return _ends(metadata(catalog, table_name(settings, table)))


@dataclass(frozen=True, slots=True)
class TableState:
    """The state of a table before a batch is written: its columns, and the notes and row counts of its batches."""

    columns: frozenset[str]
    batches: Mapping[int, int]
    notes: Mapping[int, Mapping[str, str]]
    is_empty: bool


def table_states(catalog: Catalog, settings: Settings, tables: Iterable[str]) -> dict[str, TableState]:
    """The state of each of the tables that exist."""
    existing = all_metadata(catalog, namespace(settings, "raw"))
    return {
        table: _state(existing[table.removeprefix("raw.")])
        for table in tables
        if table.removeprefix("raw.") in existing
    }


def _state(table: TableMetadata) -> TableState:
    notes = {int(each[UNTIL]): each for each in _summaries(table) if UNTIL in each}
    batches = {until: int(each.get(ROWS if ROWS_OF in each else "added-records", 0)) for until, each in notes.items()}
    return TableState(frozenset(table.schema().column_names), batches, notes, table.current_snapshot_id is None)


@dataclass(frozen=True, slots=True)
class Redriven:
    """One redrive of the quarantine as noted in its commits: its id, who ordered it, why and when."""

    redrive_id: str
    by: str
    reason: str
    at: datetime

    def notes(self) -> dict[str, str]:
        """The notes for the summary of each commit of the redrive."""
        told = {"redrive_id": self.redrive_id, "by": self.by, "reason": self.reason, "at": self.at.isoformat()}
        return {REDRIVE: json.dumps(told)}

    @classmethod
    def parse(cls, text: str) -> Redriven:
        """Parse the notes that `notes` makes."""
        told = json.loads(text)
        return cls(told["redrive_id"], told["by"], told["reason"], datetime.fromisoformat(told["at"]))


def redrives_of(catalog: Catalog, settings: Settings, table: str) -> list[Redriven]:
    """The redrives noted in a table's snapshots, oldest first."""
    summaries = _summaries(metadata(catalog, table_name(settings, table)))
    noted = {summary[REDRIVE] for summary in summaries if REDRIVE in summary}
    return sorted((Redriven.parse(text) for text in noted), key=lambda each: each.redrive_id)


def unfinished(catalog: Catalog, settings: Settings, tables: list[str]) -> int | None:
    """The end of a batch that is in some tables but not in `raw.batches`; None if there is none."""
    existing = all_metadata(catalog, namespace(settings, "raw"))
    newest = _newest(_summaries(existing.get(BATCHES.removeprefix("raw."))))
    ends = {end for table in tables for end in _ends(existing.get(table.removeprefix("raw.")))}
    return min((end for end in ends if newest is None or end > newest.until), default=None)


def _ends(table: TableMetadata | None) -> set[int]:
    return {int(summary[UNTIL]) for summary in _summaries(table) if UNTIL in summary}


def _summaries(table: TableMetadata | None) -> list[Mapping[str, str]]:
    """The summaries of a table's snapshots; empty if there is no table."""
    snapshots = [] if table is None else table.snapshots
    return [snapshot.summary.additional_properties for snapshot in snapshots if snapshot.summary is not None]
