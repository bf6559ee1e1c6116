"""On which days a table gained rows between two of its snapshots, read from the files that were added and no others."""

from datetime import date

import pyarrow.compute as pc
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation

from pipelines.lake.iceberg import catalog, table_name
from pipelines.settings import Settings


def days_gained(settings: Settings, table: str, before: int, after: int) -> set[date] | None:
    """The UTC days of `occurred_at` of the rows added since `before`; None when that cannot be told.

    It cannot when `before` is no ancestor that is still known, or when anything but adding rows happened in between.
    """
    found = catalog(settings).load_table(table_name(settings, table))
    if not _only_grew(found, before, after):
        return None
    earlier = {task.file.file_path for task in found.scan(snapshot_id=before).plan_files()}
    gained = [task for task in found.scan(snapshot_id=after).plan_files() if task.file.file_path not in earlier]
    if not gained:
        return set()
    wanted = found.schema().select("occurred_at")
    rows = ArrowScan(found.metadata, found.io, wanted, AlwaysTrue()).to_table(gained)
    days = pc.unique(pc.cast(pc.floor_temporal(rows["occurred_at"], unit="day"), "date32"))
    return set(days.to_pylist())


def _only_grew(table: Table, before: int, after: int) -> bool:
    place: int | None = after
    while place != before:
        snapshot = None if place is None else table.snapshot_by_id(place)
        if snapshot is None or snapshot.summary is None or snapshot.summary.operation is not Operation.APPEND:
            return False
        place = snapshot.parent_snapshot_id
    return table.snapshot_by_id(before) is not None
