"""Port: the lake tables that training reads, each with the snapshot that was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

from terminal.fault import Fault


@dataclass(frozen=True, slots=True)
class TableReading:
    """Rows of one table, and where they came from: enough to read the same rows again."""

    table: str
    snapshot_id: int
    schema_id: int
    frame: pd.DataFrame


class TrainingTables(Protocol):
    """Tables of the lake by names like `curated.loans`, without the prefix of an installation."""

    def read(self, table: str, columns: Sequence[str], snapshot_id: int | None = None) -> TableReading:
        """The named columns of every row of that snapshot, or of the newest.

        Raises `LakeFault` when the table, a column or a snapshot is not there.
        """

    def pin(self, tag: str, snapshots: Mapping[str, int]) -> None:
        """Tag these snapshots of these tables, so that they do not expire; raises `LakeFault` when one has expired.

        An existing tag of that name is moved.
        """

    def pinned(self, tag: str, tables: Sequence[str]) -> dict[str, int]:
        """The snapshot with this tag in each of these tables that has it."""

    def unpin(self, tag: str, tables: Sequence[str]) -> int:
        """Remove the tag from these tables; returns how many had it."""


class PinnedTables:
    """Tables at given snapshots: a `TrainingTables` whose newest snapshot is the pinned one."""

    def __init__(self, tables: TrainingTables, snapshots: Mapping[str, int]) -> None:
        self._tables = tables
        self._snapshots = snapshots

    def read(self, table: str, columns: Sequence[str], snapshot_id: int | None = None) -> TableReading:
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
