"""Port: how the lake grows: how far a table is, which entities were touched since, and their histories."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Protocol

from features.publication import Watermark

if TYPE_CHECKING:
    import pyarrow as pa


class TableChanges(Protocol):
    """Tables of the lake as they grow, by their plain names."""

    def mark(self, table: str, snapshot_id: int | None = None) -> Watermark | None:
        """Where the table is now, or was at a snapshot; None when it was never written or the snapshot expired."""

    def touched(self, table: str, key: str, since: Watermark | None, until: Watermark) -> set[str]:
        """The values of `key` in rows that were written after `since`, up to `until`; of all rows when that is unknown.

        May include entities that were not touched (their rows were rewritten beside), never fewer.
        """

    def rows(self, table: str, columns: Sequence[str], key: str, among: Collection[str], at: Watermark) -> pa.Table:
        """These columns of the rows whose `key` is among the values, at one mark."""
