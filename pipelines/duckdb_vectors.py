"""The point-in-time join on DuckDB over Arrow tables: the text that Spark runs, translated, without a JVM."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import duckdb
import sqlglot

from features.as_of import point_in_time_sql


def compute(moments: Any, events: Mapping[str, Any]) -> Any:
    """The lake features of each moment (account_id, as_of) over the events of each source, as a `pyarrow.Table`."""
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.register("moments", moments)
        engine.register("events", events["bank_transactions"])
        return engine.sql(_query()).to_arrow_table()


@cache
def _query() -> str:
    (query,) = sqlglot.transpile(point_in_time_sql("moments", "events"), read="spark", write="duckdb")
    return query
