"""The lake without a JVM: pyiceberg over the same Glue catalogue and bucket that Spark writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, EqualTo, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.table import StaticTable
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Snapshot as IcebergSnapshot
from pyiceberg.table.snapshots import ancestors_of

from pipelines.lake.table import Snapshot
from pipelines.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.catalog.glue import GlueCatalog

# The layers of the lake, each a Glue database; the settings' prefix is put before the name.
NAMESPACES = ("raw", "curated", "features")


def catalog(settings: Settings, **more: str) -> Catalog:
    """The Glue catalogue, opened by pyiceberg; `more` are further catalogue properties."""
    properties: dict[str, Any] = {
        "type": "glue",
        "warehouse": settings.warehouse,
        "glue.region": settings.aws_region,
        "s3.region": settings.aws_region,
    }
    if settings.aws_endpoint is not None:
        properties |= {
            "glue.endpoint": settings.aws_endpoint,
            "s3.endpoint": settings.aws_endpoint,
            "s3.force-virtual-addressing": "false",
        }
    return load_catalog("lake", **properties, **more)


def namespace(settings: Settings, name: str) -> str:
    """A Glue database's name with the prefix: `raw` is `raw`, or `trial_raw` under TRANCHE_LAKE_PREFIX=trial_."""
    return f"{settings.lake_prefix}{name}"


def table_name(settings: Settings, name: str) -> str:
    """A table's name for pyiceberg: `raw.accounts` with the prefix."""
    return f"{settings.lake_prefix}{name}"


def spark_name(settings: Settings, name: str) -> str:
    """A table's name for Spark: `lake.raw.accounts` with the prefix before the database."""
    return f"lake.{settings.lake_prefix}{name}"


def create_namespaces(settings: Settings) -> None:
    """Create the lake's Glue databases that do not exist."""
    lake = catalog(settings)
    for name in NAMESPACES:
        lake.create_namespace_if_not_exists(namespace(settings, name))


def metadata(lake: Catalog, table: str) -> TableMetadata | None:
    """A table's metadata, None if there is no such table; a single call if it has not changed since the last time."""
    glue = cast("GlueCatalog", lake).glue
    database, name = table.split(".")
    try:
        found = glue.get_table(DatabaseName=database, Name=name)["Table"]
    except glue.exceptions.EntityNotFoundException:
        return None
    return _metadata_at(found["Parameters"]["metadata_location"], tuple(lake.properties.items()))


def all_metadata(lake: Catalog, database: str) -> dict[str, TableMetadata]:
    """The metadata of each table of a database, by its name without the database; see `metadata`."""
    glue = cast("GlueCatalog", lake).glue
    try:
        pages = list(glue.get_paginator("get_tables").paginate(DatabaseName=database))
    except glue.exceptions.EntityNotFoundException:
        return {}
    found = {each["Name"]: each.get("Parameters", {}) for page in pages for each in page["TableList"]}
    properties = tuple(lake.properties.items())
    return {
        name: _metadata_at(parameters["metadata_location"], properties)
        for name, parameters in found.items()
        if "metadata_location" in parameters
    }


@lru_cache(maxsize=256)
def _metadata_at(location: str, properties: tuple[tuple[str, Any], ...]) -> TableMetadata:
    # A metadata file never changes, so its content can be cached as long as the table points at it.
    return StaticTable.from_metadata(location, dict(properties)).metadata


class IcebergTables:
    """The tables of one lake, read by pyiceberg."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._catalog = catalog(settings)

    def newest(self, table: str) -> Snapshot | None:
        try:
            found = self._catalog.load_table(table_name(self._settings, table)).current_snapshot()
        except NoSuchTableError:
            return None
        return None if found is None else _snapshot(found)

    def past(self, table: str) -> tuple[Snapshot, ...]:
        try:
            metadata = self._catalog.load_table(table_name(self._settings, table)).metadata
        except NoSuchTableError:
            return ()
        return tuple(_snapshot(each) for each in ancestors_of(metadata.current_snapshot(), metadata))

    def branches(self, table: str) -> tuple[str, ...]:
        try:
            refs = self._catalog.load_table(table_name(self._settings, table)).refs()
        except NoSuchTableError:
            return ()
        beside = {name for name, ref in refs.items() if ref.snapshot_ref_type is SnapshotRefType.BRANCH} - {MAIN_BRANCH}
        return tuple(sorted(beside))

    def read(self, table: str, columns: Sequence[str], *, snapshot_id: int, equal: Mapping[str, str]) -> pa.Table:
        rows: BooleanExpression = AlwaysTrue()
        for column, value in equal.items():
            rows = And(rows, EqualTo(term=Reference(column), value=literal(value)))
        found = self._catalog.load_table(table_name(self._settings, table))
        return found.scan(row_filter=rows, selected_fields=tuple(columns), snapshot_id=snapshot_id).to_arrow()


def _snapshot(found: IcebergSnapshot) -> Snapshot:
    if found.summary is None:
        return Snapshot(found.snapshot_id, {})
    return Snapshot(found.snapshot_id, found.summary.additional_properties, found.summary.operation.value)
