"""Build vectors with DuckDB over tables that pyiceberg reads and writes, without a JVM."""

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import And, GreaterThanOrEqual, LessThanOrEqual, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.table import Table
from pyiceberg.transforms import MonthTransform

from features.duckdb import compute, select
from pipelines.lake.iceberg import catalog, table_name
from pipelines.lake.table import Tables
from pipelines.settings import Settings
from pipelines.vectors.feature_engine import EMPTY, VECTORS, Increment, VectorRequest
from pipelines.vectors.feature_moments import APPLICATIONS, REGISTERS, applications_columns, moments_sql


class IcebergFeatures:
    """The engine for a single machine, notebooks and tests."""

    def __init__(self, tables: Tables, settings: Settings) -> None:
        self._tables = tables
        self._settings = settings

    def build(self, request: VectorRequest, notes: Mapping[str, str]) -> tuple[Increment, ...]:
        """See `Engine.build`. Reads all events even for an increment: only the Spark engine keeps daily sums."""
        vectors = vectors_of(self._tables, request)
        empty = pc.sum(pc.is_null(vectors["observed_until"])).as_py() or 0
        put(self._settings, request, vectors, {**notes, VECTORS: str(len(vectors)), EMPTY: str(empty)})
        return ()


def vectors_of(tables: Tables, request: VectorRequest) -> pa.Table:
    """The rows of every moment, for the feature table or a notebook.

    Columns: those of the feature table.
    """

    def read(table: str, columns: tuple[str, ...]) -> pa.Table:
        return tables.read(table, columns, snapshot_id=request.inputs[table], equal={})

    of, register = request.of, REGISTERS[request.of.entity]
    relations = {}
    if APPLICATIONS in request.inputs and not request.increment:
        relations["applications"] = read(APPLICATIONS, applications_columns(of))
    if register.table in request.inputs:
        relations["register"] = read(register.table, register.columns)
    names = {name: name if name in relations else None for name in ("applications", "register")}
    moments = select(moments_sql(of, request.as_of, **names), relations)
    events = {
        source.name: read(source.table, tuple(source.read_columns))
        for source in of.sources
        if source.table in request.inputs
    }
    vectors = compute(of, moments, events)
    for name, value in request.constants().items():
        vectors = vectors.append_column(name, pa.repeat(pa.scalar(value), len(vectors)))
    return vectors


def put(settings: Settings, request: VectorRequest, vectors: pa.Table, notes: Mapping[str, str]) -> None:
    """Write one row for each entity and moment, replacing the one built before, in one commit.

    Columns: those of the feature table.
    """
    table = _have(settings, request.of.table, vectors.schema)
    if len(vectors) == 0:
        table.append(vectors, snapshot_properties=dict(notes))
        return
    span = _between(**pc.min_max(vectors["as_of"]).as_py())
    kept = table.scan(row_filter=span).to_arrow()
    if len(kept) == 0:
        table.append(vectors, snapshot_properties=dict(notes))
        return
    entity = request.of.keys[0]
    same = f"kept.{entity} = built.{entity} AND kept.as_of = built.as_of"
    others = select(f"SELECT kept.* FROM kept LEFT ANTI JOIN built ON {same}", {"kept": kept, "built": vectors})  # noqa: S608
    together = pa.concat_tables([vectors, others], promote_options="permissive")
    table.overwrite(together, overwrite_filter=span, snapshot_properties=dict(notes))


def _between(min: datetime, max: datetime) -> And:  # noqa: A002 - as Arrow names the two
    moment = Reference("as_of")
    return And(
        GreaterThanOrEqual(term=moment, value=literal(min.isoformat())),
        LessThanOrEqual(term=moment, value=literal(max.isoformat())),
    )


def _have(settings: Settings, name: str, schema: pa.Schema) -> Table:
    """The table, created if it is missing and extended by the columns that it lacks."""
    lake, full_name = catalog(settings), table_name(settings, name)
    try:
        table = lake.load_table(full_name)
    except NoSuchTableError:
        table = lake.create_table(full_name, schema=schema)
        with table.update_spec() as spec:
            spec.add_field("as_of", MonthTransform(), "as_of_month")
        return table
    with table.update_schema() as grown:
        grown.union_by_name(schema)
    return table
