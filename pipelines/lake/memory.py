"""A lake in memory, for tests and examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipelines.lake.table import Snapshot

if TYPE_CHECKING:
    import pyarrow as pa


class MemoryTables:
    """Tables that live as long as their process; each write is a snapshot."""

    def __init__(self) -> None:
        self._frames: dict[int, pa.Table] = {}
        self._newest: dict[str, Snapshot] = {}

    def write(self, table: str, frame: pa.Table, summary: Mapping[str, str] | None = None) -> int:
        """Replace the table's rows; return the new snapshot's id."""
        snapshot = Snapshot(len(self._frames) + 1, dict(summary or {}))
        self._frames[snapshot.snapshot_id] = frame
        self._newest[table] = snapshot
        return snapshot.snapshot_id

    def newest(self, table: str) -> Snapshot | None:
        return self._newest.get(table)

    def read(self, table: str, columns: Sequence[str], *, snapshot_id: int, equal: Mapping[str, str]) -> pa.Table:
        import pyarrow.compute as pc

        del table  # a snapshot's id is the table's alone
        frame = self._frames[snapshot_id]
        for column, value in equal.items():
            frame = frame.filter(pc.equal(frame[column], value))
        return frame.select(list(columns))
