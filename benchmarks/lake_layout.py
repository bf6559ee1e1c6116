"""What each way of laying out bank transactions in the lake costs, on Berka's 340,558 of them.

Run from the checkout: `python -m benchmarks.lake_layout [LAYOUT …]`, with TRANCHE_TEST_DATA naming the data folder where
it is not beside the checkout. It starts an AWS endpoint and a Spark session of its own and prints a line a layout.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_contracts.catalog import contract
from data_contracts.schemas import spark_ddl
from features.as_of import point_in_time_sql
from pipelines.lake.iceberg import IcebergTables, catalog, create_namespaces, spark_name, table_name
from pipelines.settings import CHECKOUT, Settings
from pipelines.sources.berka import Berka
from pipelines.spark import session
from tranche.local import LocalRuntime
from tranche.ministack import LocalAws

LAYOUTS = {
    "none": "",
    "bucket(8, account_id)": "bucket(8, account_id)",
    "months": "months(occurred_at)",
    "days": "days(occurred_at)",
}
DAY = "occurred_at >= TIMESTAMP '1997-03-10' AND occurred_at < TIMESTAMP '1997-03-11'"
AS_OF = "1998-01-01"
ACCOUNT = "808"
# As ingest and curate leave them.
LINEAGE = "contract_version STRING, until BIGINT"


def main(wanted: list[str] | None = None) -> None:
    """Measure each layout once, in one session, and print a table."""
    wanted = sys.argv[1:] if wanted is None else wanted
    with tempfile.TemporaryDirectory(prefix="tranche-layout-", dir="/tmp") as folder:  # noqa: S108 - short for sockets
        local = LocalRuntime(Path(folder).resolve(), parts=("aws",))
        environment = local.up()
        try:
            os.environ.update({name: value for name, value in environment.items() if name.startswith("AWS_")})
            settings = Settings.from_environment({**os.environ, **environment, "TRANCHE_VAR": folder})
            _provide(settings)
            _measure(settings, Path(folder), {name: LAYOUTS[name] for name in wanted or LAYOUTS})
        finally:
            local.down()


def _measure(settings: Settings, folder: Path, layouts: Mapping[str, str]) -> None:
    spark = session(settings)
    try:
        events = _events(spark, folder)
        _one(spark, settings, events, "warm up", "")
        figures = [{"layout": name, **_one(spark, settings, events, name, sql)} for name, sql in layouts.items()]
    finally:
        spark.stop()
    for each in figures:
        print(json.dumps(each), flush=True)


def _events(spark: Any, folder: Path) -> Any:
    """Berka's bank transactions as a frame in memory, in the order in which the stream brings them."""
    data = Path(os.environ.get("TRANCHE_TEST_DATA") or CHECKOUT.parent / "shared" / "data") / "berka"
    bodies = (event.body for event in Berka(data).read().events if event.event_type == "bank_transaction.v1")
    path = folder / "events.json"
    path.write_bytes(b"\n".join(bodies))
    frame = spark.read.schema(spark_ddl(contract("bank_transaction"))).json(str(path))
    frame = frame.selectExpr("*", "'1.0.0' AS contract_version", "1L AS until").persist()
    print(f"{frame.count():,} events on {frame.selectExpr('to_date(occurred_at)').distinct().count():,} days", flush=True)
    return frame


def _one(spark: Any, settings: Settings, events: Any, name: str, partitions: str) -> dict[str, Any]:
    plain = f"curated.laid_{len(name)}_{abs(hash(name)) % 10_000}"
    table = spark_name(settings, plain)
    by = f"PARTITIONED BY ({partitions})" if partitions else ""
    spark.sql(f"CREATE TABLE {table} ({spark_ddl(contract('bank_transaction'))}, {LINEAGE}) USING iceberg {by}")
    day = events.where(DAY).persist()
    day.count()
    figures = {
        "first_load_s": _seconds(lambda: events.where(f"NOT ({DAY})").writeTo(table).append()),
        "add_day_s": _seconds(lambda: day.writeTo(table).append()),
        "read_day_s": _seconds(lambda: spark.table(table).where(DAY).selectExpr("sum(amount_minor)").collect()),
        "rebuild_day_s": _seconds(lambda: _rebuild(spark, table, day)),
        "all_histories_s": _seconds(lambda: _point_in_time(spark, table)),
        "one_history_s": _seconds(lambda: _one_history(settings, plain)),
    }
    found = catalog(settings).load_table(table_name(settings, plain))
    files = found.inspect.files()
    rewritten = found.current_snapshot()
    assert files["record_count"].to_pylist()
    assert rewritten is not None
    day.unpersist()
    return figures | {"files": files.num_rows, "MB": round(sum(files["file_size_in_bytes"].to_pylist()) / 1e6, 1)}


def _rebuild(spark: Any, table: str, day: Any) -> None:
    spark.sql(f"DELETE FROM {table} WHERE {DAY}")
    day.writeTo(table).append()


def _point_in_time(spark: Any, table: str) -> None:
    spark.table(table).selectExpr("account_id", f"TIMESTAMP '{AS_OF}' AS as_of").distinct().createOrReplaceTempView("asked")
    spark.sql(point_in_time_sql("asked", table)).write.format("noop").mode("overwrite").save()


def _one_history(settings: Settings, plain: str) -> None:
    tables = IcebergTables(settings)
    newest = tables.newest(plain)
    assert newest is not None
    tables.read(plain, ["occurred_at", "amount_minor"], snapshot_id=newest.snapshot_id, equal={"account_id": ACCOUNT})


def _seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return round(time.monotonic() - began, 2)


def _provide(settings: Settings) -> None:
    create_namespaces(settings)


if __name__ == "__main__":
    main()
