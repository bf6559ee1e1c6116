"""Port: reading the lake without Spark: a table's newest snapshot, and its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from terminal.fault import Fault

if TYPE_CHECKING:
    import pyarrow as pa

# The prefix of every note that an act writes into a snapshot's summary.
NOTE = "tranche."
# The note of a commit that only rewrote files: the snapshot that first had these rows.
ROWS_OF = "tranche.rows-of"


class MissingTable(Fault):
    """Raised when a table that an act reads was never written. The message names the act that writes it."""

    def __init__(self, table: str, writer: str) -> None:
        self.table = table
        super().__init__(f"{table} holds nothing yet; run `tranche pipelines {writer}` first")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One committed state of a table, with its writer's notes and the kind of change that led to it.

    `operation` is Iceberg's: append, overwrite, delete, or replace (the same rows in other files).
    """

    snapshot_id: int
    summary: Mapping[str, str]
    operation: str = ""

    @property
    def rows_of(self) -> int:
        """The snapshot that first had these rows: compaction makes a new snapshot of the same rows.

        >>> Snapshot(2, {"tranche.rows-of": "1"}).rows_of, Snapshot(3, {}).rows_of
        (1, 3)
        """
        return int(self.summary.get(ROWS_OF, self.snapshot_id))


class Tables(Protocol):
    """Tables of the lake by their names without prefix (`curated.accounts`)."""

    def newest(self, table: str) -> Snapshot | None:
        """The table's newest snapshot; None if the table is missing or was never written."""

    def read(self, table: str, columns: Sequence[str], *, snapshot_id: int, equal: Mapping[str, str]) -> pa.Table:
        """These columns of the rows in which each column of `equal` has the given value."""


class VersionedTables(Tables, Protocol):
    """Tables with their past snapshots and their branches."""

    def past(self, table: str) -> tuple[Snapshot, ...]:
        """The newest snapshot and its ancestors, newest first, as far back as they are kept."""

    def branches(self, table: str) -> tuple[str, ...]:
        """The names of the branches beside the table's own rows."""


def written_by(table: str) -> str:
    """The act that fills a table of that layer."""
    layer = table.split(".", 1)[0]
    return {"raw": "ingest", "curated": "curate", "features": "build-features"}[layer]


def the_newest(tables: Tables, table: str) -> Snapshot:
    """The table's newest snapshot; raises MissingTable if there is none."""
    snapshot = tables.newest(table)
    if snapshot is None:
        raise MissingTable(table, written_by(table))
    return snapshot
