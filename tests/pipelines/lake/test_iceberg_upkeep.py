"""Selected rows are removed, whatever their other columns contain, on an Iceberg catalogue in a local file."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from pipelines.lake.iceberg import table_name
from pipelines.lake.iceberg_upkeep import UpkeepTable
from pipelines.lake.rows import RowSelection
from pipelines.lake.s3 import Objects
from pipelines.settings import Settings

SETTINGS = Settings.from_environment({"TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:1"})
OLD, NEW = datetime(1996, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
ROWS = [
    {"event_id": "both", "plan_id": "mine", "order_id": "mine", "occurred_at": OLD},
    {"event_id": "plan", "plan_id": "mine", "order_id": None, "occurred_at": OLD},
    {"event_id": "order", "plan_id": None, "order_id": "mine", "occurred_at": NEW},
    {"event_id": "none", "plan_id": None, "order_id": None, "occurred_at": OLD},
    {"event_id": "other", "plan_id": "other", "order_id": None, "occurred_at": OLD},
]
MINE = {"plan_id": frozenset({"mine"}), "order_id": frozenset({"mine"})}


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (RowSelection(any_of=MINE), ["none", "other"]),
        (RowSelection(before=("occurred_at", NEW), but_not=MINE), ["both", "order", "plan"]),
        (RowSelection(any_of=MINE, before=("occurred_at", NEW)), ["none", "order", "other"]),
        (RowSelection(any_of={}), sorted(row["event_id"] for row in ROWS)),
    ],
    ids=["by either", "by age but for", "by either and age", "nothing"],
)
def test_rows_go_and_no_others_though_columns_are_empty(tmp_path: Path, asked: RowSelection, left: list[str]) -> None:
    lake = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/lake.db", warehouse=f"file://{tmp_path}")
    lake.create_namespace("raw")
    schema = pa.schema(
        [(name, pa.string()) for name in ("event_id", "plan_id", "order_id")]
        + [("occurred_at", pa.timestamp("us", tz="UTC"))]
    )
    name = table_name(SETTINGS, "raw.entries")
    lake.create_table(name, schema=schema).append(pa.Table.from_pylist(ROWS, schema=schema))
    table = UpkeepTable(SETTINGS, lake, Objects(SETTINGS), "raw.entries")

    (main,) = table.refs
    counted = table.count(asked, main.snapshot_id)
    removed = table.remove(main, asked)

    assert counted == removed.rows == len(ROWS) - len(left)
    assert sorted(lake.load_table(name).scan().to_arrow()["event_id"].to_pylist()) == left
