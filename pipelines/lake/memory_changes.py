"""A growing lake in memory, for tests and examples."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from features.publication import Watermark

if TYPE_CHECKING:
    import pyarrow as pa


class MemoryChanges:
    """Tables that only grow; each append is a snapshot."""

    def __init__(self) -> None:
        self._appended: dict[str, list[pa.Table]] = {}

    def append(self, table: str, rows: pa.Table) -> None:
        """Add rows in a new snapshot."""
        self._appended.setdefault(table, []).append(rows)

    def mark(self, table: str, snapshot_id: int | None = None) -> Watermark | None:
        newest = len(self._appended.get(table, ()))
        at = newest if snapshot_id is None else snapshot_id
        return Watermark(at, at) if 0 < at <= newest else None

    def touched(self, table: str, key: str, since: Watermark | None, until: Watermark) -> set[str]:
        appended = self._appended[table][0 if since is None else since.sequence : until.sequence]
        return {value for rows in appended for value in rows[key].to_pylist()}

    def rows(self, table: str, columns: Sequence[str], key: str, among: Collection[str], at: Watermark) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = pa.concat_tables(self._appended[table][: at.sequence])
        return rows.filter(pc.is_in(rows[key], pa.array(sorted(among), pa.string()))).select(list(columns))
