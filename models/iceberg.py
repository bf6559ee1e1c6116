"""Lake tables read by pyiceberg into pandas, each pinned to the snapshot it was read at."""

from collections.abc import Sequence
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError

from models.tables import LakeFault, Reading
from pipelines.lake.iceberg import catalog, table_name
from pipelines.settings import Settings as LakeSettings


class IcebergTables:
    """Tables of the lake that the settings name."""

    def __init__(self, settings: LakeSettings) -> None:
        self._settings = settings
        self._catalog: Catalog = catalog(settings)

    def read(self, table: str, columns: Sequence[str]) -> Reading:
        try:
            found = self._catalog.load_table(table_name(self._settings, table))
        except NoSuchTableError as missing:
            raise LakeFault(f"{table} is not in the lake; run {_maker(table)}") from missing
        snapshot = found.current_snapshot()
        if snapshot is None:
            raise LakeFault(f"{table} is empty; run {_maker(table)}")
        absent = [name for name in columns if name not in found.schema().column_names]
        if absent:
            raise LakeFault(f"{table} lacks {', '.join(absent)}; run {_maker(table)}")
        frame = found.scan(selected_fields=tuple(columns), snapshot_id=snapshot.snapshot_id).to_pandas()
        return Reading(table, snapshot.snapshot_id, snapshot.schema_id or 0, frame)


def read_snapshot(settings: LakeSettings, table: str, snapshot_id: int) -> Any:
    """All rows of one snapshot as a pandas frame."""
    return catalog(settings).load_table(table_name(settings, table)).scan(snapshot_id=snapshot_id).to_pandas()


def _maker(table: str) -> str:
    act = "build-features" if table.startswith("features.") else "curate"
    return f"`tranche pipelines {act}`"
