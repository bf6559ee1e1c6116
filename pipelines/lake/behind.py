"""How far a curated table is behind its raw table: up to which raw snapshot it has read, and what came since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.lake.table import Snapshot, VersionedTables

RAW_SNAPSHOT = "tranche.raw-snapshot-id"
CONTRACT = "tranche.contract"
_SAME_ROWS, _MORE_ROWS = {"replace"}, {"append", "replace"}


@dataclass(frozen=True, slots=True)
class Behind:
    """A curated table compared with its raw table.

    `before` is the curated table's newest snapshot; `noted` the snapshot notes of when it last read the raw table;
    `held` the raw snapshot that it read then, and `since` the raw snapshots after that. `held` and `since` are None if
    the raw table's history does not reach back that far.
    """

    raw: Snapshot
    before: Snapshot | None
    noted: Mapping[str, str]
    since: tuple[Snapshot, ...] | None
    held: int | None = None

    @property
    def is_level(self) -> bool:
        """Whether the curated table has read all rows of the raw table."""
        return self.since is not None and {each.operation for each in self.since} <= _SAME_ROWS

    @property
    def is_only_short(self) -> bool:
        """Whether the raw table has at most gained rows since; none were removed or changed."""
        return self.since is not None and {each.operation for each in self.since} <= _MORE_ROWS


def behind(tables: VersionedTables, source: str, table: str) -> Behind | None:
    """Compare the two tables; None while the raw table has no rows."""
    raw, past = tables.past(source), tables.past(table)
    if not raw:
        return None
    # Compaction and erasure write snapshots without this note, so the newest snapshot that has it counts.
    noted = next((each.summary for each in past if RAW_SNAPSHOT in each.summary), {})
    wanted = noted.get(RAW_SNAPSHOT)
    # After compaction, a newer snapshot has the same rows and remains when the noted one has expired.
    for place, each in enumerate(raw):
        if wanted in (str(each.snapshot_id), str(each.rows_of)):
            return Behind(raw[0], past[0] if past else None, noted, raw[:place], each.snapshot_id)
    return Behind(raw[0], past[0] if past else None, noted, None)


def row_count(snapshot: Snapshot | None) -> int:
    """The number of rows of the table at that snapshot."""
    return 0 if snapshot is None else int(snapshot.summary.get("total-records", 0))
