"""Changes of the lake's tables by pyiceberg, which reads only the files added to a table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import In, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.manifest import DataFileContent, ManifestEntryStatus
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation, Snapshot, ancestors_of

from features.publication import Watermark
from pipelines.lake.iceberg import catalog, table_name
from pipelines.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa


class IcebergChanges:
    """Changes of one lake."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._catalog = catalog(settings)

    def mark(self, table: str, snapshot_id: int | None = None) -> Watermark | None:
        try:
            found = self._load(table)
        except NoSuchTableError:
            return None
        snapshot = found.current_snapshot() if snapshot_id is None else found.snapshot_by_id(snapshot_id)
        return None if snapshot is None else Watermark(snapshot.snapshot_id, snapshot.sequence_number or 0)

    def touched(self, table: str, key: str, since: Watermark | None, until: Watermark) -> set[str]:
        found = self._load(table)
        ended = found.snapshot_by_id(until.snapshot_id)
        assert ended is not None, until
        past = list(takewhile(lambda each: each.snapshot_id != _id(since), ancestors_of(ended, found.metadata)))
        if since is not None and past and past[-1].parent_snapshot_id not in (None, since.snapshot_id):
            since = None  # snapshot expiry broke the chain between the two
        if since is None or (past and past[-1].parent_snapshot_id is None):
            files = [task.file.file_path for task in found.scan(snapshot_id=until.snapshot_id).plan_files()]
        else:
            files = [path for each in past for path in _added(found, each)]
        return {value for path in files for value in _values(found, path, key)}

    def rows(self, table: str, columns: Sequence[str], key: str, among: Collection[str], at: Watermark) -> pa.Table:
        found, values = self._load(table), {literal(value) for value in among}
        among_them = In(term=Reference(key), values=values)
        return found.scan(among_them, selected_fields=tuple(columns), snapshot_id=at.snapshot_id).to_arrow()

    def _load(self, table: str) -> Table:
        return self._catalog.load_table(table_name(self._settings, table))


def _id(mark: Watermark | None) -> int | None:
    return None if mark is None else mark.snapshot_id


def _added(table: Table, snapshot: Snapshot) -> Iterator[str]:
    """The data files that a snapshot added; none for compaction, which adds no rows."""
    if snapshot.summary is not None and snapshot.summary.operation is Operation.REPLACE:
        return
    for manifest in snapshot.manifests(table.io):
        if manifest.added_snapshot_id != snapshot.snapshot_id:
            continue
        for entry in manifest.fetch_manifest_entry(table.io):
            if entry.status == ManifestEntryStatus.ADDED and entry.data_file.content == DataFileContent.DATA:
                yield entry.data_file.file_path


def _values(table: Table, path: str, column: str) -> set[str]:
    """The distinct values of one column of one file."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with table.io.new_input(path).open() as file:
        return set(pc.unique(pq.read_table(file, columns=[column])[column]).to_pylist())
