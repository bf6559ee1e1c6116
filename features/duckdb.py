"""The point-in-time join on DuckDB: Spark's SQL, translated, over Arrow tables and without a JVM."""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import expressions

from features.as_of import days_sql, point_in_time_sql
from features.catalog import FeatureSet
from features.source import ColumnType, Source

INSTANT = pa.timestamp("us", tz="UTC")
_ARROW: Mapping[ColumnType, Any] = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "date": pa.date32(),
    "timestamp": INSTANT,
}


def events_schema(source: Source) -> Any:
    """The Arrow schema of the columns that a build reads of a source, also used for a table that the lake lacks."""
    return pa.schema([(name, _ARROW[column]) for name, column in source.read_columns.items()])


def moments_schema(of: FeatureSet) -> Any:
    """The Arrow schema of the moments of a feature set."""
    return pa.schema([*((key, pa.string()) for key in of.keys), ("as_of", INSTANT)])


def compute(of: FeatureSet, moments: Any, events: Mapping[str, Any], by_days: Collection[str] = ()) -> Any:
    """The lake features of each moment as a `pyarrow.Table`; a source missing from `events` counts as empty.

    `events` are Arrow tables by source name; for a source in `by_days` its table is what `compute_days` made.
    """
    with _engine() as engine:
        engine.register("moments", moments)
        for source in of.sources:
            kept = events.get(source.name)
            engine.register(f"{source.name}_events", events_schema(source).empty_table() if kept is None else kept)
        relations = {source.name: f"{source.name}_events" for source in of.sources}
        return engine.sql(translated(point_in_time_sql(of, "moments", relations, by_days))).to_arrow_table()


def compute_days(source: Source, events: Any) -> Any:
    """The daily parts of these events, as a `pyarrow.Table`."""
    return select(days_sql(source, "events"), {"events": events})


def select(spark_sql: str, relations: Mapping[str, Any]) -> Any:
    """The result of one query over the named Arrow tables, as a `pyarrow.Table`."""
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


def _engine() -> Any:
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'UTC'")
    return engine
