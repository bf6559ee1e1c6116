"""A lake in memory, for tests and examples."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.lake.table import Snapshot


class MemoryTables:
    """Tables that live as long as their process; each write is a snapshot."""

    def __init__(self) -> None:
        self._frames: dict[int, Any] = {}
        self._newest: dict[str, Snapshot] = {}

    def write(self, table: str, frame: Any, summary: Mapping[str, str] | None = None) -> int:
        """Replace the table's rows (a `pyarrow.Table`); return the new snapshot's id."""
        snapshot = Snapshot(len(self._frames) + 1, dict(summary or {}))
        self._frames[snapshot.snapshot_id] = frame
        self._newest[table] = snapshot
        return snapshot.snapshot_id

    def newest(self, table: str) -> Snapshot | None:
        return self._newest.get(table)

    def read(self, table: str, columns: Sequence[str], *, snapshot_id: int, equal: Mapping[str, str]) -> Any:
        import pyarrow.compute as pc

        del table  # a snapshot's id is the table's alone
        frame = self._frames[snapshot_id]
        for column, value in equal.items():
            frame = frame.filter(pc.equal(frame[column], value))
        return frame.select(list(columns))
