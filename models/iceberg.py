"""Reads lake tables with pyiceberg into pandas, each pinned to the snapshot that was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table

from models.tables import LakeFault, TableReading
from pipelines.lake.iceberg import catalog, table_name
from pipelines.lake.iceberg_tags import drop_tag, put_tag, tagged
from pipelines.settings import Settings as LakeSettings

if TYPE_CHECKING:
    import pandas as pd


class IcebergTrainingTables:
    """Tables over the Iceberg lake of the settings."""

    def __init__(self, settings: LakeSettings) -> None:
        self._settings = settings
        self._catalog: Catalog = catalog(settings)

    def read(self, table: str, columns: Sequence[str], snapshot_id: int | None = None) -> TableReading:
        found = self._load(table)
        snapshot = found.current_snapshot() if snapshot_id is None else found.snapshot_by_id(snapshot_id)
        if snapshot is None and snapshot_id is not None:
            raise LakeFault(f"{table} has no snapshot {snapshot_id} any more; it expired, or the lake was built again")
        if snapshot is None:
            raise LakeFault(f"{table} is empty; run {_maker(table)}")
        scan = found.scan(selected_fields=tuple(columns), snapshot_id=snapshot.snapshot_id)
        # An older snapshot has the columns of its own schema.
        schema = found.schema() if snapshot.schema_id is None else found.schemas()[snapshot.schema_id]
        absent = [name for name in columns if name not in schema.column_names]
        if absent:
            raise LakeFault(f"{table} lacks {', '.join(absent)}; run {_maker(table)}")
        return TableReading(table, snapshot.snapshot_id, snapshot.schema_id or 0, scan.to_pandas())

    def pin(self, tag: str, snapshots: Mapping[str, int]) -> None:
        for table, snapshot_id in snapshots.items():
            found = self._load(table)
            if found.snapshot_by_id(snapshot_id) is None:
                raise LakeFault(f"{table} lost snapshot {snapshot_id} while the model was trained; train again")
            put_tag(found, tag, snapshot_id)

    def pinned(self, tag: str, tables: Sequence[str]) -> dict[str, int]:
        named = {table: tagged(self._load(table), tag) for table in tables}
        return {table: snapshot_id for table, snapshot_id in named.items() if snapshot_id is not None}

    def unpin(self, tag: str, tables: Sequence[str]) -> int:
        return sum(drop_tag(self._load(table), tag) for table in tables)

    def _load(self, table: str) -> Table:
        try:
            return self._catalog.load_table(table_name(self._settings, table))
        except NoSuchTableError as missing:
            raise LakeFault(f"{table} is not in the lake; run {_maker(table)}") from missing


def read_snapshot(settings: LakeSettings, table: str, snapshot_id: int) -> pd.DataFrame:
    """All rows of one snapshot."""
    return catalog(settings).load_table(table_name(settings, table)).scan(snapshot_id=snapshot_id).to_pandas()


def _maker(table: str) -> str:
    act = "build-features" if table.startswith("features.") else "curate"
    return f"`tranche pipelines {act}`"
