"""Tags of a table: names that keep a snapshot from expiring.

A tag has no maximum age: it stays until it is dropped. Its name should contain only letters, digits and `_`, because
Spark reads a table at a tag as `table.tag_NAME`.
"""

from __future__ import annotations

from pyiceberg.table import Table
from pyiceberg.table.refs import SnapshotRefType


def tagged(table: Table, tag: str) -> int | None:
    """The snapshot that the tag names; None if the table has no such tag."""
    ref = table.metadata.refs.get(tag)
    return ref.snapshot_id if ref is not None and ref.snapshot_ref_type is SnapshotRefType.TAG else None


def put_tag(table: Table, tag: str, snapshot_id: int) -> None:
    """Set the tag to this snapshot; commits nothing if it already names it."""
    if tagged(table, tag) != snapshot_id:
        table.manage_snapshots().create_tag(snapshot_id, tag).commit()


def drop_tag(table: Table, tag: str) -> bool:
    """Drop the tag; returns whether it existed."""
    if tagged(table, tag) is None:
        return False
    table.manage_snapshots().remove_tag(tag).commit()
    return True
