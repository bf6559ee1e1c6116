"""The point-in-time join on DuckDB: Spark's SQL, translated, over Arrow tables and without a JVM."""

from collections.abc import Collection, Mapping
from functools import cache

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import expressions

from features.as_of import days_sql, point_in_time_sql
from features.catalog import FeatureSet
from features.source import ColumnType, FeatureSource

INSTANT = pa.timestamp("us", tz="UTC")
_ARROW: Mapping[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "date": pa.date32(),
    "timestamp": INSTANT,
}


def events_schema(source: FeatureSource) -> pa.Schema:
    """The Arrow schema of the columns that a build reads of a source, also used for a table that the lake lacks."""
    return pa.schema([(name, _ARROW[column]) for name, column in source.read_columns.items()])


def moments_schema(of: FeatureSet) -> pa.Schema:
    """The Arrow schema of the moments of a feature set."""
    return pa.schema([*((key, pa.string()) for key in of.keys), ("as_of", INSTANT)])


def compute(
    of: FeatureSet, moments: pa.Table, events: Mapping[str, pa.Table], by_days: Collection[str] = ()
) -> pa.Table:
    """The lake features of each moment; a source missing from `events` counts as empty.

    `events` are by source name; for a source in `by_days` they are what `compute_days` made.

    Columns: those of `moments_schema`; of each source those of `events_schema` → the feature table's, computed ones.
    """
    with _engine() as engine:
        engine.register("moments", moments)
        for source in of.sources:
            kept = events.get(source.name)
            engine.register(f"{source.name}_events", events_schema(source).empty_table() if kept is None else kept)
        relations = {source.name: f"{source.name}_events" for source in of.sources}
        return engine.sql(translated(point_in_time_sql(of, "moments", relations, by_days))).to_arrow_table()


def compute_days(source: FeatureSource, events: pa.Table) -> pa.Table:
    """The daily parts of these events. Columns: those of `events_schema` → those of `days_sql`."""
    return select(days_sql(source, "events"), {"events": events})


def select(spark_sql: str, relations: Mapping[str, pa.Table]) -> pa.Table:
    """The result of one query over the named tables. Columns: those that the query selects."""
    with _engine() as engine:
        for name, rows in relations.items():
            engine.register(name, rows)
        return engine.sql(translated(spark_sql)).to_arrow_table()


@cache
def translated(spark_sql: str) -> str:
    """Spark's SQL in DuckDB's dialect. Spark 4 refuses a cast that does not fit, so no cast may return null."""
    query = sqlglot.parse_one(spark_sql, read="spark")
    for lenient in list(query.find_all(expressions.TryCast)):
        lenient.replace(expressions.Cast(this=lenient.this, to=lenient.to))
    for each in query.find_all(expressions.Select):
        each.set("hint", None)  # a hint is for Spark's planner only
    return query.sql(dialect="duckdb")


def _engine() -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'UTC'")
    return engine
