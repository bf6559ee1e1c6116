"""The event days on which a table gained rows, and vectors written without a JVM, on a catalogue in a local file."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from features.catalog import MERCHANT
from features.duckdb import INSTANT
from pipelines.lake.iceberg_gains import days_of
from pipelines.settings import Settings
from pipelines.vectors import iceberg_features
from pipelines.vectors.feature_engine import VectorRequest

SCHEMA = pa.schema([("event_id", pa.string()), ("occurred_at", INSTANT)])
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = Settings.from_environment({"TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:1"})


@pytest.fixture
def lake(tmp_path: Path) -> SqlCatalog:
    lake = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/lake.db", warehouse=f"file://{tmp_path}")
    for namespace in ("curated", "features"):
        lake.create_namespace(namespace)
    return lake


def gained(table: Table, *days: int) -> int:
    """Append a row on each of these days of March; the snapshot that holds them."""
    rows = [{"event_id": f"{day}", "occurred_at": NOON + timedelta(days=day - 1)} for day in days]
    table.append(pa.Table.from_pylist(rows, schema=SCHEMA))
    snapshot = table.current_snapshot()
    assert snapshot is not None
    return snapshot.snapshot_id


def test_the_days_of_what_was_added_are_told_and_of_what_was_there_are_not(lake: SqlCatalog) -> None:
    table = lake.create_table("curated.events", schema=SCHEMA)
    first, second, third = gained(table, 1, 2), gained(table, 2, 5), gained(table, 9)

    assert days_of(table, first, third) == {date(2026, 3, 2), date(2026, 3, 5), date(2026, 3, 9)}
    assert days_of(table, second, third) == {date(2026, 3, 9)}
    assert days_of(table, third, third) == set()


def test_after_rows_went_or_without_a_past_nobody_can_tell(lake: SqlCatalog) -> None:
    table = lake.create_table("curated.events", schema=SCHEMA)
    first, second = gained(table, 1, 2), gained(table, 3)
    table.delete("event_id == '1'")
    third = gained(table, 4)

    assert days_of(table, first, second) == {date(2026, 3, 3)}
    assert days_of(table, first, third) is None
    assert days_of(table, 404, second) is None


def test_a_build_takes_the_place_of_the_same_moments_and_leaves_others(
    lake: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iceberg_features, "catalog", lambda _: lake)
    request = VectorRequest(MERCHANT, {}, (NOON,), increment=False)

    iceberg_features.put(SETTINGS, request, vectors(a=1, b=2), {"note": "first"})
    iceberg_features.put(SETTINGS, request, vectors(b=3, c=4), {"note": "second"})
    iceberg_features.put(SETTINGS, request, vectors(at=NOON + timedelta(days=40), b=5), {"note": "third"})

    table = lake.load_table("features.merchant")
    rows = {(row["merchant_id"], row["as_of"].month): row["value"] for row in table.scan().to_arrow().to_pylist()}
    assert rows == {("a", 3): 1, ("b", 3): 3, ("c", 3): 4, ("b", 4): 5}
    newest = table.current_snapshot()
    assert newest is not None
    assert newest.summary is not None
    assert newest.summary["note"] == "third"


def test_a_column_that_is_new_is_added_and_one_that_is_gone_stays(
    lake: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iceberg_features, "catalog", lambda _: lake)
    request = VectorRequest(MERCHANT, {}, (NOON,), increment=False)
    iceberg_features.put(SETTINGS, request, vectors(a=1, b=2), {})

    iceberg_features.put(SETTINGS, request, vectors(b=3).rename_columns(["merchant_id", "as_of", "other"]), {})

    rows = lake.load_table("features.merchant").scan().to_arrow().to_pylist()
    assert {row["merchant_id"]: (row["value"], row["other"]) for row in rows} == {"a": (1, None), "b": (None, 3)}


def vectors(at: datetime = NOON, **values: int) -> Any:
    schema = pa.schema([("merchant_id", pa.string()), ("as_of", INSTANT), ("value", pa.int64())])
    rows = [{"merchant_id": name, "as_of": at, "value": value} for name, value in values.items()]
    return pa.Table.from_pylist(rows, schema=schema)
