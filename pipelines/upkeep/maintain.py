"""Act: maintain the lake's tables: compact small files, expire old snapshots, and delete unreferenced files.

No row changes. A compaction notes the snapshot whose rows it rewrote (`tranche.rows-of`) and repeats the table's notes,
so that no act takes it for new data. Snapshots that a branch or a tag names never expire: a model's training set is
kept until the model is retired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pipelines.lake import raw
from pipelines.lake.compaction import compact
from pipelines.lake.iceberg import spark_name
from pipelines.lake.iceberg_upkeep import IcebergUpkeep, Swept, UpkeepTable
from pipelines.lake.table import ROWS_OF
from pipelines.streams.iceberg import committed, unfinished
from pipelines.upkeep.expiry import Expiry, expiry
from terminal.fault import Fault

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# No commit takes longer than this, so older unreferenced files were left by a killed one.
ORPHAN_AGE = timedelta(days=1)
# Fewer small files than this are not compacted yet, because each compaction rewrites their rows.
FEWEST_FILES = 5


class NoSuchTable(Fault):
    """Raised for a table that the lake does not have."""


@dataclass(frozen=True, slots=True)
class Maintained:
    """One table before and after: its data files and their bytes, its snapshots, and the files deleted."""

    table: str
    compacted: int
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    snapshots_before: int
    snapshots_after: int
    kept: Expiry
    swept: Swept


@dataclass(frozen=True, slots=True)
class MaintainReport:
    """The results by table; `unfinished` is the end of a batch that ingest still has to complete, or None."""

    tables: tuple[Maintained, ...]
    unfinished: int | None


def maintain(
    spark: SparkSession,
    upkeep: IcebergUpkeep,
    *,
    now: datetime,
    older_than: timedelta,
    orphans_older_than: timedelta = ORPHAN_AGE,
    fewest_files: int = FEWEST_FILES,
    only: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> MaintainReport:
    """Compact, expire and sweep every table, or those of `only`. Safe to interrupt and to repeat."""
    done = []
    for name in _asked(upkeep.names(), only):
        progress(f"maintaining {name}")
        table = upkeep.table(name)
        before = _Shape.of(table)
        compacted = _compact(spark, upkeep, table, fewest_files)
        after = _Shape.of(table)
        kept, swept = expire_and_sweep(upkeep, table, now - older_than, now - orphans_older_than)
        done.append(
            Maintained(
                table=name,
                compacted=compacted,
                files_before=before.files,
                files_after=after.files,
                bytes_before=before.bytes,
                bytes_after=after.bytes,
                snapshots_before=before.snapshots,
                snapshots_after=len(table.snapshots),
                kept=kept,
                swept=swept,
            )
        )
    left = unfinished(upkeep.catalog, upkeep.settings, raw.tables_of_a_batch())
    return MaintainReport(tuple(done), left)


@dataclass(frozen=True, slots=True)
class _Shape:
    files: int
    bytes: int
    snapshots: int

    @classmethod
    def of(cls, table: UpkeepTable) -> _Shape:
        return cls(*table.data_files(), len(table.snapshots))


def _asked(present: list[str], only: Sequence[str]) -> list[str]:
    if unknown := sorted(set(only) - set(present)):
        raise NoSuchTable(f"the lake has no table {', '.join(unknown)}; it has {', '.join(present)}")
    return [name for name in present if not only or name in only]


def _compact(spark: SparkSession, upkeep: IcebergUpkeep, table: UpkeepTable, fewest_files: int) -> int:
    rows_of = table.rows_of
    if rows_of is None:
        return 0
    files = compact(
        spark, spark_name(upkeep.settings, table.name), {**table.notes, ROWS_OF: str(rows_of)}, fewest_files
    )
    table.refresh()
    return files


def expire_and_sweep(
    upkeep: IcebergUpkeep, table: UpkeepTable, older_than: datetime, orphans_older_than: datetime
) -> tuple[Expiry, Swept]:
    """Expire snapshots by the rule, then delete the files that nothing references any more."""
    whole = committed(upkeep.catalog, upkeep.settings)
    was_reached = table.reached()
    plan = expiry(
        table.snapshots,
        {ref.snapshot_id for ref in table.refs},
        older_than=older_than,
        whole_until=None if whole is None else whole.until,
    )
    table.expire(plan.going)
    return plan, table.sweep(was_reached, orphans_older_than)
