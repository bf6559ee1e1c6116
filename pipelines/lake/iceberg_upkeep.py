"""Operations of upkeep on one table of the lake: its snapshots, branches and tags, its rows by condition, its files.

The policy is elsewhere. Rows are removed copy-on-write, so that the remaining rows are in files that never held a
removed one. Expired snapshots leave their files behind until `sweep`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchNamespaceError
from pyiceberg.expressions import (
    AlwaysFalse,
    AlwaysTrue,
    And,
    BooleanExpression,
    In,
    IsNull,
    LessThan,
    Not,
    NotNull,
    Or,
    Reference,
)
from pyiceberg.expressions.literals import literal
from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType

from pipelines.lake.iceberg import NAMESPACES, catalog, namespace, table_name
from pipelines.lake.iceberg_manifests import forget, remembers
from pipelines.lake.rows import RowSelection
from pipelines.lake.s3 import Objects, Stored
from pipelines.lake.table import NOTE, ROWS_OF
from pipelines.settings import Settings

# A tag cannot be written to: its rows are removed on a branch with this prefix, then the tag is moved to the result.
_AT_WORK = "removing_from_"


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot of the table, with its writer's notes."""

    snapshot_id: int
    committed_at: datetime
    notes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch or a tag, and the snapshot that it names."""

    name: str
    is_tag: bool
    snapshot_id: int


@dataclass(frozen=True, slots=True)
class Removed:
    """The number of rows removed from a branch or tag, and the snapshots that it named before and names now."""

    ref: str
    rows: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Swept:
    """Files deleted from the object store, and the number of unreferenced files that are too young to delete."""

    files: int
    bytes: int
    young: int


class UpkeepTable:
    """One table by its name without prefix (`raw.accounts`), as loaded or last refreshed."""

    def __init__(self, settings: Settings, lake: Catalog, objects: Objects, name: str) -> None:
        self.name = name
        self._table: Table = lake.load_table(table_name(settings, name))
        self._objects = objects

    @property
    def columns(self) -> frozenset[str]:
        """The names of its columns now."""
        return frozenset(self._table.schema().column_names)

    @property
    def snapshots(self) -> tuple[Kept, ...]:
        """All snapshots, oldest first."""
        found = sorted(self._table.metadata.snapshots, key=lambda each: each.sequence_number or 0)
        return tuple(
            Kept(
                each.snapshot_id,
                datetime.fromtimestamp(each.timestamp_ms / 1000, UTC),
                {} if each.summary is None else each.summary.additional_properties,
            )
            for each in found
        )

    @property
    def refs(self) -> tuple[Ref, ...]:
        """Branches and tags: main first, then the other branches, then the tags."""
        found = [
            Ref(name, ref.snapshot_ref_type is SnapshotRefType.TAG, ref.snapshot_id)
            for name, ref in self._table.metadata.refs.items()
            if not name.startswith(_AT_WORK)
        ]
        return tuple(sorted(found, key=lambda ref: (ref.is_tag, ref.name != MAIN_BRANCH, ref.name)))

    @property
    def notes(self) -> dict[str, str]:
        """The newest value of each note in main's history, which a maintenance commit has to repeat."""
        parents = {each.snapshot_id: each.parent_snapshot_id for each in self._table.metadata.snapshots}
        noted = {each.snapshot_id: each.notes for each in self.snapshots}
        current = self._table.current_snapshot()
        at = None if current is None else current.snapshot_id
        found: dict[str, str] = {}
        while at is not None and at in noted:
            found = {name: value for name, value in noted[at].items() if name.startswith(NOTE)} | found
            at = parents[at]
        found.pop(ROWS_OF, None)
        return found

    @property
    def rows_of(self) -> int | None:
        """The snapshot whose rows the table holds, ignoring commits that only rewrote files."""
        current = self._table.current_snapshot()
        if current is None or current.summary is None:
            return None
        return int(current.summary.additional_properties.get(ROWS_OF, current.snapshot_id))

    def refresh(self) -> None:
        """Reload the table's metadata, to see commits of others."""
        self._table.refresh()

    def data_files(self) -> tuple[int, int]:
        """The number of main's data files, and their bytes."""
        current = self._table.current_snapshot()
        totals = {} if current is None or current.summary is None else current.summary.additional_properties
        return int(totals.get("total-data-files", 0)), int(totals.get("total-files-size", 0))

    def columns_at(self, snapshot_id: int) -> frozenset[str]:
        """The names of its columns at a snapshot, without columns added later."""
        snapshot = self._table.snapshot_by_id(snapshot_id)
        if snapshot is None or snapshot.schema_id is None:
            return self.columns
        return frozenset(self._table.schemas()[snapshot.schema_id].column_names)

    def read(self, rows: RowSelection, columns: Iterable[str], snapshot_id: int) -> Iterator[dict[str, Any]]:
        """These columns of the rows at a snapshot, a batch at a time."""
        fields = tuple(columns)
        found = self._table.scan(row_filter=_condition(rows), selected_fields=fields, snapshot_id=snapshot_id)
        for batch in found.to_arrow_batch_reader():
            yield from batch.to_pylist()

    def count(self, rows: RowSelection, snapshot_id: int) -> int:
        """The number of such rows at a snapshot."""
        return int(self._table.scan(row_filter=_condition(rows), snapshot_id=snapshot_id).count())

    def remembers(self, snapshot_id: int) -> bool:
        """Whether the snapshot's manifests still contain column statistics of deleted files."""
        return remembers(self._table, snapshot_id)

    def remove(self, ref: Ref, unwanted: RowSelection) -> Removed:
        """Remove rows, and statistics of rows removed earlier, from a branch or tag; the table's notes are kept."""
        self._drop_branch_at_work(ref)
        rows = self.count(unwanted, ref.snapshot_id)
        if rows == 0 and not self.remembers(ref.snapshot_id):
            return Removed(ref.name, 0, ref.snapshot_id, ref.snapshot_id)
        notes = self.notes if rows or ref.is_tag else {**self.notes, ROWS_OF: str(self.rows_of)}
        branch = f"{_AT_WORK}{ref.name}" if ref.is_tag else ref.name
        if ref.is_tag:
            self._table.manage_snapshots().create_branch(ref.snapshot_id, branch).commit()
        if rows:
            self._table.delete(_condition(unwanted), snapshot_properties=notes, branch=branch)
        self._table.refresh()
        if self.remembers(self._table.metadata.refs[branch].snapshot_id):
            forget(self._table, branch, notes)
        after = self._table.metadata.refs[branch].snapshot_id
        if ref.is_tag:
            # In one commit, so that the snapshot is never without a branch or tag.
            self._table.manage_snapshots().create_tag(after, ref.name).remove_branch(branch).commit()
            self._table.refresh()
        return Removed(ref.name, rows, ref.snapshot_id, after)

    def _drop_branch_at_work(self, ref: Ref) -> None:
        branch = f"{_AT_WORK}{ref.name}"
        if branch in self._table.metadata.refs:  # left by a killed run; removal starts again from the tag
            self._table.manage_snapshots().remove_branch(branch).commit()
            self._table.refresh()

    def expire(self, snapshot_ids: Iterable[int]) -> int:
        """Expire snapshots, except those that a branch or tag names; their files stay until `sweep`."""
        ids = sorted(set(snapshot_ids))
        if ids:
            self._table.maintenance.expire_snapshots().by_ids(ids).commit()
            self._table.refresh()
        return len(ids)

    def sweep(self, was_reached: frozenset[str], older_than: datetime) -> Swept:
        """Delete unreferenced files: those that were referenced before, and those written before `older_than`.

        A younger file that was never referenced may belong to a commit in progress.
        """
        # List the files before reloading the table, so that files committed in between count as referenced.
        listed = list(self._objects.under(self._table.location()))
        self._table.refresh()
        reached = self.reached()
        lost = [stored for stored in listed if stored.path not in reached]
        gone = [stored for stored in lost if stored.path in was_reached or stored.modified_at < older_than]
        self._objects.delete(stored.path for stored in gone)
        return Swept(len(gone), sum(stored.bytes for stored in gone), len(lost) - len(gone))

    def reached(self) -> frozenset[str]:
        """Every file that the table's metadata references."""
        return frozenset(_plain(path) for path in self._reached())

    def _reached(self) -> Iterator[str]:
        metadata, io = self._table.metadata, self._table.io
        yield self._table.metadata_location
        yield from (entry.metadata_file for entry in metadata.metadata_log)
        yield from (each.statistics_path for each in metadata.statistics)
        yield from (each.statistics_path for each in metadata.partition_statistics)
        manifests: dict[str, ManifestFile] = {}
        for snapshot in metadata.snapshots:
            yield snapshot.manifest_list
            manifests |= {manifest.manifest_path: manifest for manifest in snapshot.manifests(io)}
        for path, manifest in manifests.items():
            yield path
            yield from (entry.data_file.file_path for entry in manifest.fetch_manifest_entry(io))

    def unreached(self) -> list[Stored]:
        """The objects in the table's folder that nothing references."""
        listed = list(self._objects.under(self._table.location()))
        self._table.refresh()
        reached = self.reached()
        return [stored for stored in listed if stored.path not in reached]


class IcebergUpkeep:
    """All tables of one lake, for upkeep."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalog = catalog(settings)
        self.objects = Objects(settings)

    def names(self) -> list[str]:
        """The names without prefix of all existing tables, layer by layer."""
        found = []
        for layer in NAMESPACES:
            try:
                found += [f"{layer}.{table}" for _, table in self.catalog.list_tables(namespace(self.settings, layer))]
            except NoSuchNamespaceError:
                continue
        return sorted(found, key=lambda name: (NAMESPACES.index(name.split(".")[0]), name))

    def table(self, name: str) -> UpkeepTable:
        """Load one table in its current state."""
        return UpkeepTable(self.settings, self.catalog, self.objects, name)


def _condition(rows: RowSelection) -> BooleanExpression:
    condition: BooleanExpression = AlwaysTrue()
    if rows.any_of is not None:
        condition = AlwaysFalse()
        for column, values in rows.any_of.items():
            if values:
                is_one = In(term=Reference(column), values={literal(value) for value in values})
                # Without an explicit condition on nulls, pyiceberg's delete keeps every row with a null in the column.
                condition = Or(condition, And(is_one, NotNull(term=Reference(column))))
    if rows.before is not None:
        column, moment = rows.before
        condition = And(condition, LessThan(term=Reference(column), value=literal(moment.isoformat())))
    for column, values in rows.but_not.items():
        if values:
            condition = And(
                condition,
                Or(
                    Not(In(term=Reference(column), values={literal(value) for value in values})),
                    IsNull(term=Reference(column)),
                ),
            )
    return condition


def _plain(path: str) -> str:
    """An address as the object store lists it; other writers may have written it with `s3a`."""
    return "s3://" + path.split("://", 1)[-1]
