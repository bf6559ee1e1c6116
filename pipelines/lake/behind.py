"""How far a curated table has come with its raw table: which of its snapshots it holds, and what came since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.lake.table import Snapshot, VersionedTables

RAW_SNAPSHOT = "tranche.raw-snapshot-id"
CONTRACT = "tranche.contract"
_SAME_ROWS, _MORE_ROWS = {"replace"}, {"append", "replace"}


@dataclass(frozen=True, slots=True)
class Behind:
    """A curated table beside its raw table.

    `before` is the curated table's newest snapshot, `noted` what was noted when it last took from the raw table, `held`
    the raw snapshot that has those rows, and `since` those that came behind it; both are None where the raw table's
    past does not reach back to it.
    """

    raw: Snapshot
    before: Snapshot | None
    noted: Mapping[str, str]
    since: tuple[Snapshot, ...] | None
    held: int | None = None

    @property
    def is_level(self) -> bool:
        """The curated table holds all that the raw table has."""
        return self.since is not None and {each.operation for each in self.since} <= _SAME_ROWS

    @property
    def is_only_short(self) -> bool:
        """What the curated table holds is still so; rows may have been added since, and none taken away or changed."""
        return self.since is not None and {each.operation for each in self.since} <= _MORE_ROWS


def behind(tables: VersionedTables, source: str, table: str) -> Behind | None:
    """Compare the two; None while the raw table has no row."""
    raw, past = tables.past(source), tables.past(table)
    if not raw:
        return None
    # Compaction and erasure write snapshots of their own: what the table holds was noted by one before them.
    noted = next((each.summary for each in past if RAW_SNAPSHOT in each.summary), {})
    wanted = noted.get(RAW_SNAPSHOT)
    # Compaction has the same rows in a snapshot of its own, which outlives the one that was noted.
    for place, each in enumerate(raw):
        if wanted in (str(each.snapshot_id), str(each.rows_of)):
            return Behind(raw[0], past[0] if past else None, noted, raw[:place], each.snapshot_id)
    return Behind(raw[0], past[0] if past else None, noted, None)


def row_count(snapshot: Snapshot | None) -> int:
    """How many rows the table has at that snapshot."""
    return 0 if snapshot is None else int(snapshot.summary.get("total-records", 0))
