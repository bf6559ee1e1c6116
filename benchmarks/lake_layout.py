"""What each way of laying out a table costs, on real events: Berka's bank transactions, Online Retail's order lines.

Run from the checkout: `python -m benchmarks.lake_layout [CONTRACT …]`, with TRANCHE_TEST_DATA naming the data folder
where it is not beside the checkout. It starts an AWS endpoint and a Spark session of its own. Of each layout one line
tells: all but the busiest day is loaded at once, that day is added, and the day next to it in size is rebuilt.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from data_contracts.catalog import contract
from data_contracts.schemas import spark_ddl
from features.as_of import point_in_time_sql
from pipelines.lake.iceberg import IcebergTables, catalog, create_namespaces, spark_name, table_name
from pipelines.lake.spark import ONE_WRITER
from pipelines.runtime.spark import session
from pipelines.settings import CHECKOUT, Settings
from pipelines.sources.berka import Berka
from pipelines.sources.online_retail import OnlineRetail, by_day
from tranche.local.runtime import LocalRuntime

LAYOUTS = {
    "bank_transaction": ("", "bucket(8, account_id)", "months(occurred_at)", "days(occurred_at)"),
    "order_line": ("", "months(occurred_at)", "days(occurred_at)"),
}
# As ingest and curate leave them.
LINEAGE = "contract_version STRING, until BIGINT"


def main(wanted: list[str] | None = None) -> None:
    """Measure each layout once, in one session, and print a table."""
    wanted = sys.argv[1:] if wanted is None else wanted
    with tempfile.TemporaryDirectory(prefix="tranche-layout-") as folder:
        local = LocalRuntime(Path(folder).resolve(), parts=("aws",))
        environment = local.up()
        try:
            os.environ.update({name: value for name, value in environment.items() if name.startswith("AWS_")})
            settings = Settings.from_environment({**os.environ, **environment, "TRANCHE_VAR": folder})
            create_namespaces(settings)
            spark = session(settings)
            for name in wanted or LAYOUTS:
                _compare(spark, settings, Path(folder), name)
            spark.stop()
        finally:
            local.reset()


def _compare(spark: Any, settings: Settings, folder: Path, name: str) -> None:
    events = _events(spark, folder, name)
    days = events.selectExpr("to_date(occurred_at) AS day").groupBy("day").count().orderBy("count").collect()
    day = days[-1].day
    print(
        f"{name}: {events.count():,} events on {len(days):,} days, {days[-1]['count']:,} of them on {day}", flush=True
    )
    ranges = (_on(day), _on(days[-2].day))
    # The first one warms everything up; its figures are thrown away.
    for turn, layout in enumerate(("", *LAYOUTS[name])):
        figures = _one(spark, settings, events, name, f"curated.laid_{name}_{turn}", layout, ranges)
        if turn:
            print(json.dumps({"layout": layout or "one heap", **figures}), flush=True)
    events.unpersist()


def _on(day: Any) -> str:
    return f"occurred_at >= TIMESTAMP '{day}' AND occurred_at < TIMESTAMP '{day + timedelta(days=1)}'"


def _events(spark: Any, folder: Path, name: str) -> Any:
    """The events as a frame in memory, in the order in which the stream brings them."""
    data = Path(os.environ.get("TRANCHE_TEST_DATA") or CHECKOUT.parent / "shared" / "data")
    source = Berka(data / "berka") if name == "bank_transaction" else OnlineRetail(by_day(data / "online_retail"))
    path = folder / f"{name}.json"
    with path.open("wb") as file:
        file.writelines(
            event.body + b"\n" for event in source.read().events if event.event_type == contract(name).event_type
        )
    frame = spark.read.schema(spark_ddl(contract(name))).json(str(path))
    return frame.selectExpr("*", "'1.0.0' AS contract_version", "1L AS until").persist()


def _one(  # noqa: PLR0917 - what is measured, on what
    spark: Any, settings: Settings, events: Any, name: str, plain: str, layout: str, ranges: tuple[str, str]
) -> dict[str, float]:
    table = spark_name(settings, plain)
    by = f"PARTITIONED BY ({layout}) TBLPROPERTIES ({ONE_WRITER})" if layout else ""
    spark.sql(f"CREATE TABLE {table} ({spark_ddl(contract(name))}, {LINEAGE}) USING iceberg {by}")
    one_day, other_day = ranges
    day, other = events.where(one_day).persist(), events.where(other_day).persist()
    assert min(day.count(), other.count()) > 0
    figures = {
        "first_load_s": _seconds(lambda: events.where(f"NOT ({one_day})").writeTo(table).append()),
        "add_day_s": _seconds(lambda: day.writeTo(table).append()),
        "read_day_s": _seconds(lambda: spark.table(table).where(one_day).selectExpr("max(recorded_at)").collect()),
        "read_all_s": _seconds(lambda: spark.table(table).write.format("noop").mode("overwrite").save()),
    }
    figures["rebuild_day_s"] = _seconds(lambda: _rebuild(spark, table, other, other_day))
    if name == "bank_transaction":
        figures["point_in_time_s"] = _seconds(lambda: _point_in_time(spark, table))
        figures["one_history_s"] = _seconds(lambda: _one_history(settings, plain))
    day.unpersist()
    other.unpersist()
    files = catalog(settings).load_table(table_name(settings, plain)).inspect.files()
    size = sum(files["file_size_in_bytes"].to_pylist())
    return figures | {"files": files.num_rows, "MB": round(size / 1e6, 1)}


def _rebuild(spark: Any, table: str, day: Any, one_day: str) -> None:
    spark.sql(f"DELETE FROM {table} WHERE {one_day}")  # noqa: S608 - our own table
    day.writeTo(table).append()


def _point_in_time(spark: Any, table: str) -> None:
    moments = spark.table(table).selectExpr("account_id", "TIMESTAMP '1998-01-01' AS as_of").distinct()
    moments.createOrReplaceTempView("asked")
    spark.sql(point_in_time_sql("asked", table)).write.format("noop").mode("overwrite").save()


def _one_history(settings: Settings, plain: str) -> None:
    tables = IcebergTables(settings)
    newest = tables.newest(plain)
    assert newest is not None
    columns = ["occurred_at", "amount_minor"]
    tables.read(plain, columns, snapshot_id=newest.snapshot_id, equal={"account_id": "808"})


def _seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return round(time.monotonic() - began, 2)


if __name__ == "__main__":
    main()
