"""Port: what training reads from the lake, each table with the snapshot it was read at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

from terminal.fault import Fault


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows of one table, and where they came from: enough to read the same rows again."""

    table: str
    snapshot_id: int
    schema_id: int
    frame: pd.DataFrame


class Tables(Protocol):
    """Tables of the lake, named `curated.loans` and the like whatever prefix an installation puts before them."""

    def read(self, table: str, columns: Sequence[str], snapshot_id: int | None = None) -> Reading:
        """The named columns of every row of that snapshot, or of the newest.

        Raises `LakeFault` when the table, a column or a snapshot is not there.
        """

    def pin(self, tag: str, snapshots: Mapping[str, int]) -> None:
        """Let the tag name these snapshots of these tables, so that none expires; `LakeFault` where one has already.

        A tag of that name which names another snapshot is moved.
        """

    def pinned(self, tag: str, tables: Sequence[str]) -> dict[str, int]:
        """The snapshots that the tag names, of those tables where it is."""

    def unpin(self, tag: str, tables: Sequence[str]) -> int:
        """Take the tag off these tables; on how many it was."""


class PinnedTables:
    """Tables as they were at the snapshots given: a `Tables` in which the newest snapshot is the pinned one."""

    def __init__(self, tables: Tables, snapshots: Mapping[str, int]) -> None:
        self._tables = tables
        self._snapshots = snapshots

    def read(self, table: str, columns: Sequence[str], snapshot_id: int | None = None) -> Reading:
        if snapshot_id is None and table not in self._snapshots:
            raise LakeFault(f"no snapshot of {table} is pinned")
        return self._tables.read(table, columns, self._snapshots[table] if snapshot_id is None else snapshot_id)

    def pin(self, tag: str, snapshots: Mapping[str, int]) -> None:
        self._tables.pin(tag, snapshots)

    def pinned(self, tag: str, tables: Sequence[str]) -> dict[str, int]:
        return self._tables.pinned(tag, tables)

    def unpin(self, tag: str, tables: Sequence[str]) -> int:
        return self._tables.unpin(tag, tables)


class LakeFault(Fault):
    """Training cannot read what it needs; says which table and which act makes it."""
