"""The point-in-time join by Spark over Parquet files of the same rows, beside tests/features/engine.py."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from features.as_of import point_in_time_sql
from features.catalog import APPLICANT, FeatureSet
from tests.features.engine import Row, moments, tables


def computed_by_spark(
    spark: Any,
    folder: Path,
    asked: Iterable[tuple[str, datetime]],
    told: Mapping[str, Iterable[Row]],
    of: FeatureSet = APPLICANT,
) -> list[Row]:
    """The rows that Spark computes, their instants in UTC as DuckDB gives them."""
    everything: dict[str, Iterable[Row]] = {source.name: [] for source in of.sources} | dict(told)
    for name, rows in {**tables(of, everything), "moments": moments(of, asked)}.items():
        pq.write_table(rows, folder / f"{name}.parquet")
        spark.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(f"told_{name}")
    events = {source.name: f"told_{source.name}" for source in of.sources}
    found = spark.sql(point_in_time_sql(of, "told_moments", events)).collect()
    return [{name: _utc(value) for name, value in row.asDict().items()} for row in found]


def _utc(value: Any) -> Any:
    """Spark hands out naive times of the machine's own zone."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value
