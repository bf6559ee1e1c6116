"""Port: changes of the lake: a table's watermark, the entities touched since another one, and their rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Protocol

from features.publication import Watermark

if TYPE_CHECKING:
    import pyarrow as pa


class TableChanges(Protocol):
    """Changes of the lake's tables, by their names without prefix."""

    def mark(self, table: str, snapshot_id: int | None = None) -> Watermark | None:
        """The table's watermark now or at a snapshot; None if it was never written or the snapshot has expired."""

    def touched(self, table: str, key: str, since: Watermark | None, until: Watermark) -> set[str]:
        """The values of `key` in rows written after `since`, up to `until`; in all rows if that cannot be determined.

        May include entities that were not touched (whose rows were rewritten with others), but never omits one.
        """

    def rows(self, table: str, columns: Sequence[str], key: str, among: Collection[str], at: Watermark) -> pa.Table:
        """These columns of the rows whose `key` is among the values, as of one watermark."""
