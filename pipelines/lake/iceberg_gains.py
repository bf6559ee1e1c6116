"""The event days on which a table gained rows between two snapshots, read only from the files added."""

from collections.abc import Iterator
from datetime import date

import pyarrow.compute as pc
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.manifest import DataFile, ManifestEntryStatus
from pyiceberg.table import FileScanTask, Table
from pyiceberg.table.snapshots import Operation, Snapshot

from pipelines.lake.iceberg import catalog, table_name
from pipelines.settings import Settings


def days_gained(settings: Settings, table: str, before: int, after: int) -> set[date] | None:
    """The UTC days of `occurred_at` of the rows added since `before`; None if they cannot be determined.

    That is so if `before` is not a known ancestor, or if rows were changed or removed in between. Compaction, which
    writes the same rows into other files, does not count as a gain.
    """
    return days_of(catalog(settings).load_table(table_name(settings, table)), before, after)


def days_of(found: Table, before: int, after: int) -> set[date] | None:
    """Like `days_gained`, for a table that is already loaded."""
    since = _since(found, before, after)
    if since is None:
        return None
    gained = [FileScanTask(file) for snapshot in since for file in _added(found, snapshot)]
    if not gained:
        return set()
    wanted = found.schema().select("occurred_at")
    rows = ArrowScan(found.metadata, found.io, wanted, AlwaysTrue()).to_table(gained)
    return set(pc.unique(pc.cast(pc.floor_temporal(rows["occurred_at"], unit="day"), "date32")).to_pylist())


def _since(table: Table, before: int, after: int) -> list[Snapshot] | None:
    """The snapshots after `before` up to `after` that added rows; None if another one changed or removed rows."""
    adding: list[Snapshot] = []
    place: int | None = after
    while place != before:
        snapshot = None if place is None else table.snapshot_by_id(place)
        if snapshot is None or snapshot.summary is None:
            return None
        if snapshot.summary.operation is Operation.APPEND:
            adding.append(snapshot)
        elif snapshot.summary.operation is not Operation.REPLACE:
            return None
        place = snapshot.parent_snapshot_id
    return adding


def _added(table: Table, snapshot: Snapshot) -> Iterator[DataFile]:
    for manifest in snapshot.manifests(table.io):
        if manifest.added_snapshot_id == snapshot.snapshot_id:
            for entry in manifest.fetch_manifest_entry(table.io):
                if entry.status is ManifestEntryStatus.ADDED:
                    yield entry.data_file
