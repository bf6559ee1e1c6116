"""What the lake says about the stream: which batches it has, and where each shard stopped.

A batch of the stream is known by its end, `until`: milliseconds of the service's clock. Each table of
a batch says so in the summary of its snapshot; `raw.batches` is written last, so a batch that it does
not have is unfinished, and is read again with the same end.
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
# How many rows of the batch the writer put there; compaction carries it on, its own count says another.
ROWS = "tranche.rows"
STOPS = "tranche.stops"
REDRIVE = "tranche.redrive"
BATCHES = "raw.batches"


@dataclass(frozen=True, slots=True)
class Stops:
    """The last sequence number read of each shard, of the stream that was made at `created_ms`."""

    created_ms: int
    shards: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Stops:
        """Read what `str` wrote."""
        found = json.loads(text)
        return cls(found["created_ms"], found["shards"])

    def __str__(self) -> str:
        return json.dumps({"created_ms": self.created_ms, "shards": dict(sorted(self.shards.items()))})

    def of(self, created_ms: int, listed: frozenset[str] | None = None) -> Mapping[str, str]:
        """Where to go on; nowhere when the stream has been made anew since.

        With `listed`, only in those shards: one that the service has no more is never read again.
        """
        if self.created_ms != created_ms:
            return {}
        return {shard: stop for shard, stop in self.shards.items() if listed is None or shard in listed}


@dataclass(frozen=True, slots=True)
class Committed:
    """A batch that is whole in the lake."""

    until: int
    stops: Stops


def committed(catalog: Catalog, settings: Settings, at_most: int | None = None) -> Committed | None:
    """The newest whole batch, of those that end at `at_most` or before when it is given."""
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
    """What is known of a table before a batch is written: its columns, and of each batch its notes and its rows."""

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
    """One redrive of the quarantine as its commits note it: its identity, on whose word, why and when."""

    redrive_id: str
    by: str
    reason: str
    at: datetime

    def notes(self) -> dict[str, str]:
        """What each commit of the redrive carries in its summary."""
        told = {"redrive_id": self.redrive_id, "by": self.by, "reason": self.reason, "at": self.at.isoformat()}
        return {REDRIVE: json.dumps(told)}

    @classmethod
    def parse(cls, text: str) -> Redriven:
        """Read what `notes` wrote."""
        told = json.loads(text)
        return cls(told["redrive_id"], told["by"], told["reason"], datetime.fromisoformat(told["at"]))


def redrives_of(catalog: Catalog, settings: Settings, table: str) -> list[Redriven]:
    """The redrives that a table notes in its snapshots, oldest first."""
    summaries = _summaries(metadata(catalog, table_name(settings, table)))
    noted = {summary[REDRIVE] for summary in summaries if REDRIVE in summary}
    return sorted((Redriven.parse(text) for text in noted), key=lambda each: each.redrive_id)


def unfinished(catalog: Catalog, settings: Settings, tables: list[str]) -> int | None:
    """The end of a batch that some tables have and `raw.batches` has not."""
    existing = all_metadata(catalog, namespace(settings, "raw"))
    newest = _newest(_summaries(existing.get(BATCHES.removeprefix("raw."))))
    ends = {end for table in tables for end in _ends(existing.get(table.removeprefix("raw.")))}
    return min((end for end in ends if newest is None or end > newest.until), default=None)


def _ends(table: TableMetadata | None) -> set[int]:
    return {int(summary[UNTIL]) for summary in _summaries(table) if UNTIL in summary}


def _summaries(table: TableMetadata | None) -> list[Mapping[str, str]]:
    """What the commits of a table say; nothing where there is no table."""
    snapshots = [] if table is None else table.snapshots
    return [snapshot.summary.additional_properties for snapshot in snapshots if snapshot.summary is not None]
