"""The jobs run unchanged on a Spark master with two worker processes: one setting differs and the tables are equal."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from data_contracts.catalog import contract
from pipelines.lake.iceberg import IcebergTables, catalog, table_name
from pipelines.runtime.java import find_java, home_for_spark
from pipelines.settings import CHECKOUT, Settings
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.stream import batches
from tests.data_contracts.samples import valid_record
from tests.pipelines.spark_cluster import a_cluster
from tests.soak import TIMES
from tranche.provisioning.aws import AwsNames, clients, provide_aws

pytestmark = pytest.mark.slow

# The commands of the nightly run, one behind the other in one process, as nobody would wait for three drivers.
JOBS = (["ingest"], ["curate"], ["build-features", "--as-of", "1997-01-01"])
PROGRAM = """
import json, sys
from tranche.__main__ import invoke
for each in json.loads(sys.argv[1]):
    invoke(["pipelines", *each])
"""
CURATED = ("curated.bank_transactions", "curated.accounts", "curated.credit_applications")
START = datetime(1996, 1, 1, tzinfo=UTC)


def at(day: int) -> str:
    """A time as producers write it."""
    return f"{START + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"


def an(name: str, event_id: str, account_id: str, day: int, **values: object) -> CanonicalEvent:
    times = {"occurred_at": at(day), "recorded_at": at(day)}
    body = valid_record(contract(name)) | {"event_id": event_id, "account_id": account_id} | times | values
    return CanonicalEvent(event_id, f"{name}.v1", account_id, orjson.dumps(body))


def a_small_stream() -> list[CanonicalEvent]:
    events = []
    for n in range(12):
        account = f"account-{n}"
        events.append(an("account", f"a:{n}", account, 0))
        events.append(an("credit_application", f"c:{n}", account, 200, application_id=f"c:{n}", applied_at=at(200)))
        for day in range(30):
            direction = {"direction": "credit", "operation": "cash_in"} if day % 2 else {"direction": "debit"}
            movement = {"amount_minor": 1_000_00 + n * day, **direction}
            events.append(an("bank_transaction", f"t:{n}:{day}", account, day * 5, **movement))
    return [*events, *events[:20], an("bank_transaction", "broken", "account-1", 1, currency="GB")]


def rows(settings: Settings, table: str) -> list[dict[str, Any]]:
    """All rows without what tells of the run: snapshot ids."""
    found = catalog(settings).load_table(table_name(settings, table)).scan().to_arrow()
    kept = [name for name in found.column_names if not name.endswith(("snapshot_id", "snapshot_ids"))]
    return sorted(found.select(kept).to_pylist(), key=str)


def run(environment: Mapping[str, str]) -> str:
    program = [sys.executable, "-c", PROGRAM, orjson.dumps(JOBS).decode()]
    done = subprocess.run(
        program, cwd=CHECKOUT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    return done.stdout


@pytest.mark.skipif(TIMES == 1, reason="a matter of minutes: make soak")
def test_only_the_master_differs_and_the_tables_are_equal(
    spark: Any, lake_environment: Mapping[str, str], tmp_path: Path
) -> None:
    here = {**lake_environment, "TRANCHE_VAR": str(tmp_path / "here")}
    prefix, stream = f"{lake_environment['TRANCHE_LAKE_PREFIX']}far_", f"{lake_environment['TRANCHE_STREAM']}-far"
    there = {**lake_environment, "TRANCHE_LAKE_PREFIX": prefix, "TRANCHE_STREAM": stream}
    near, far = Settings.from_environment(here), Settings.from_environment(there)
    databases = tuple(f"{prefix}{name}" for name in ("raw", "curated", "features"))
    provide_aws(
        clients(far.aws_region, far.aws_endpoint, far.aws_endpoint),
        AwsNames(far.aws_region, far.lake_bucket, {stream: 2}, databases),
    )
    for settings in (near, far):
        for batch in batches(iter(a_small_stream())):
            KinesisStream(client(settings), settings.stream, time.sleep).put(batch)
    java_home = home_for_spark(find_java(os.environ, choice=far.java), far.jvm_dir)

    with a_cluster(tmp_path, workers=2, java_home=java_home) as master:
        run({**there, "TRANCHE_SPARK_MASTER": master, "TRANCHE_VAR": str(tmp_path / "there")})
    in_this_process(spark, near)

    worked = [
        path.name for number in range(2) for path in (tmp_path / f"work-{number}").glob("app-*/*") if path.is_dir()
    ]
    assert len(worked) == 2, "each worker had an executor of the one application"
    for table in (*CURATED, "features.applicant"):
        assert rows(far, table) == rows(near, table), table
    assert len(rows(far, CURATED[0])) == 12 * 30
    assert len(rows(far, "features.applicant")) == 12 * 2
    assert IcebergTables(far).newest("raw.quarantine") is not None
    laid = catalog(far).load_table(table_name(far, "raw.bank_transactions")).spec()
    assert [(field.name, str(field.transform)) for field in laid.fields] == [("occurred_at_month", "month")]


def in_this_process(spark: Any, settings: Settings) -> None:
    """The same acts in the test's own Spark, on two threads of this process."""
    from pipelines.curation.curate import curate
    from pipelines.ingest.ingest import ingest
    from pipelines.vectors.build_features import build_features

    tables = IcebergTables(settings)
    ingest(spark, settings, now=lambda: datetime.now(UTC), sleep=time.sleep)
    curate(spark, tables, settings)
    build_features(spark, tables, settings, [datetime(1997, 1, 1, tzinfo=UTC)])
