"""One curated table, before and after its contract gained a column, read by Spark, by pyiceberg and by DuckDB."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from data_contracts.catalog import contract
from data_contracts.contract import Column, ColumnType, Contract, PersonalData, Version
from pipelines.curation.curate import curate
from pipelines.lake.iceberg import IcebergTables, catalog, spark_name, table_name
from pipelines.lake.spark import at_snapshot
from pipelines.settings import Settings
from tests.pipelines.green import let_through
from tests.pipelines.lake.lake import an_event, append_raw

pytestmark = pytest.mark.slow

TABLE = "curated.bank_transactions"
OLD = contract("bank_transaction")


def grown() -> Contract:
    mood = Column("mood", ColumnType.STRING, required=False, meaning="How it felt.", personal_data=PersonalData.NONE)
    return replace(OLD, version=Version(1, 1, 0), columns=(*OLD.columns, mood))


def by_spark(spark: Any, settings: Settings, columns: list[str], snapshot_id: int | None) -> list[tuple[Any, ...]]:
    name = spark_name(settings, TABLE)
    frame = spark.table(name) if snapshot_id is None else at_snapshot(spark, name, snapshot_id)
    times = [f"unix_micros({each}) AS {each}" if each.endswith("_at") else each for each in columns]
    return sorted((tuple(row) for row in frame.selectExpr(*times).collect()), key=str)


def by_pyiceberg(settings: Settings, columns: list[str], snapshot_id: int | None) -> list[tuple[Any, ...]]:
    table = catalog(settings).load_table(table_name(settings, TABLE))
    rows = table.scan(selected_fields=tuple(columns), snapshot_id=snapshot_id).to_arrow().select(columns)
    micros = [rows[each].cast("int64") if each.endswith("_at") else rows[each] for each in columns]
    return sorted(zip(*(each.to_pylist() for each in micros), strict=True), key=str)


def by_duckdb(settings: Settings, columns: list[str], snapshot_id: int | None) -> list[tuple[Any, ...]]:
    table = catalog(settings).load_table(table_name(settings, TABLE))
    asked = [f"epoch_us({each})" if each.endswith("_at") else each for each in columns]
    with table.scan(snapshot_id=snapshot_id).to_duckdb("seen") as connection:
        return sorted(connection.execute(f"SELECT {', '.join(asked)} FROM seen").fetchall(), key=str)


def test_three_readers_see_the_same_rows_before_and_after_a_column_was_added(
    spark: Any, lake_environment: Mapping[str, str]
) -> None:
    settings = Settings.from_environment(lake_environment)
    tables = IcebergTables(settings)
    old = [column.name for column in OLD.columns]
    rows = [an_event("bank_transaction", f"t:{n}", str(n % 3), amount_minor=2**53 + n) for n in range(12)]
    append_raw(spark, settings, OLD, rows, first=0)
    curate(spark, tables, settings, contracts=[OLD], judge=let_through)
    first = tables.newest(TABLE)
    assert first is not None
    glue = catalog(settings)
    ids = {field.name: field.field_id for field in glue.load_table(table_name(settings, TABLE)).schema().fields}
    before = by_spark(spark, settings, old, None)

    newer = [{**an_event("bank_transaction", f"n:{n}"), "mood": "calm", "contract_version": "1.1.0"} for n in range(2)]
    append_raw(spark, settings, grown(), newer, first=12)
    (done,) = curate(spark, tables, settings, contracts=[grown()], judge=let_through).tables

    assert (done.written, done.rows) == (2, 14)
    schema = glue.load_table(table_name(settings, TABLE)).schema()
    assert {field.name: field.field_id for field in schema.fields if field.name != "mood"} == ids
    now = by_spark(spark, settings, [*old, "mood"], None)
    assert len(now) == 14
    assert sorted(str(row[-1]) for row in now) == ["None"] * 12 + ["calm"] * 2
    for columns, at, seen in (([*old, "mood"], None, now), (old, first.snapshot_id, before)):
        assert by_pyiceberg(settings, columns, at) == seen
        assert by_duckdb(settings, columns, at) == seen
        assert by_spark(spark, settings, columns, at) == seen
    # Who knows only the old columns sees the old rows among the new ones, as they were.
    assert set(before) < set(by_pyiceberg(settings, old, None))


def test_a_contract_that_gained_a_column_finds_it_empty_in_rows_from_before(
    spark: Any, lake_environment: Mapping[str, str]
) -> None:
    """The raw table grows with the first row that has the column; until then it is not there."""
    settings = Settings.from_environment({**lake_environment})
    for table in (TABLE, str(OLD.raw_table)):
        spark.sql(f"DROP TABLE IF EXISTS {spark_name(settings, table)}")
    append_raw(spark, settings, OLD, [an_event("bank_transaction", "t:0")], first=0)
    tables = IcebergTables(settings)
    curate(spark, tables, settings, contracts=[OLD], judge=let_through)

    (done,) = curate(spark, tables, settings, contracts=[grown()], judge=let_through).tables

    assert (done.outcome, done.written, done.rows) == ("written", 0, 1)
    assert by_pyiceberg(settings, ["event_id", "mood"], None) == [("t:0", None)]
    (again,) = curate(spark, tables, settings, contracts=[grown()], judge=let_through).tables
    assert again.outcome == "unchanged"
