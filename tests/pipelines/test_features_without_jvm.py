"""The whole build on DuckDB: an Iceberg lake in a local file, no Spark, no JVM, no server."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from features.catalog import APPLICANT
from features.duckdb import INSTANT, events_schema
from pipelines.lake import iceberg
from pipelines.lake.iceberg import IcebergTables
from pipelines.lake.table import MissingTable
from pipelines.settings import Settings
from pipelines.vectors import build_features as act
from pipelines.vectors import iceberg_features
from tests.features import oracle_own
from tests.features.histories import DAY, START, once, told_of
from tests.features.oracle import differences

SETTINGS = Settings.from_environment({"TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:1"})
DAY_ASKED = START + 200 * DAY


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlCatalog:
    lake = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/lake.db", warehouse=f"file://{tmp_path}")
    for namespace in ("curated", "features"):
        lake.create_namespace(namespace)
    for module in (iceberg, iceberg_features):
        monkeypatch.setattr(module, "catalog", lambda _: lake)
    return lake


def test_a_lake_of_bank_data_alone_is_built_and_kept_without_a_jvm(lake: SqlCatalog) -> None:
    random = Random(8)
    told = {
        f"account-{n}": {"bank_transactions": told_of(random, f"account-{n}")["bank_transactions"]} for n in range(8)
    }
    applied = START + 111.5 * DAY
    _curated(lake, told, applied)

    build = act.build_features(None, IcebergTables(SETTINGS), SETTINGS, [DAY_ASKED], engine="duckdb")
    again = act.build_features(None, IcebergTables(SETTINGS), SETTINGS, [DAY_ASKED], engine="duckdb")

    rows = lake.load_table("features.applicant").scan().to_arrow().to_pylist()
    assert (build.written, again.written, again.snapshot_id) == (True, False, build.snapshot_id)
    assert {(row["account_id"], row["as_of"]) for row in rows} == {
        *((account, DAY_ASKED) for account in told), ("account-1", applied),
    }  # fmt: skip
    for row in rows:
        own = [{"event_id": "1", "occurred_at": applied, "recorded_at": applied, "amount_minor": 500_00}]
        applications = own if row["account_id"] == "account-1" else []
        expected, _ = oracle_own.applicant({**told[row["account_id"]], "applications": applications}, row["as_of"])
        assert differences(row, expected) == {}, row["account_id"]
        assert row["shopper_id"] == row["account_id"]


def test_before_the_first_curation_the_act_to_run_is_named(lake: SqlCatalog) -> None:
    with pytest.raises(MissingTable, match=r"curated\.bank_transactions .*curate"):
        act.build_features(None, IcebergTables(SETTINGS), SETTINGS, engine="duckdb")


def test_the_engine_without_a_jvm_does_not_even_import_spark() -> None:
    modules = "pipelines.vectors.build_features, pipelines.vectors.iceberg_features"
    program = f"import sys, {modules}; print('pyspark' in sys.modules)"

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert told.stdout == "False\n"


def _curated(lake: SqlCatalog, told: dict[str, dict[str, list[dict[str, Any]]]], applied: datetime) -> None:
    """Bank transactions, accounts, and one application; no table of our own beside them."""
    known = pa.schema([("account_id", pa.string()), ("shopper_id", pa.string()), ("recorded_at", INSTANT)])
    application = {
        "account_id": "account-1", "shopper_id": "account-1", "event_id": "1", "amount_minor": 500_00,
        "occurred_at": applied, "recorded_at": applied, "applied_at": applied,
    }  # fmt: skip
    schemas = {source.name: events_schema(source) for source in APPLICANT.sources}
    applications = pa.unify_schemas(
        [schemas["applications"], pa.schema([("account_id", pa.string()), ("applied_at", INSTANT)])]
    )
    bank = [row for of in told.values() for row in once(of["bank_transactions"])]
    tables = {
        "bank_transactions": pa.Table.from_pylist(bank, schema=schemas["bank_transactions"]),
        "accounts": pa.Table.from_pylist(
            [{"account_id": name, "shopper_id": name, "recorded_at": START} for name in told], schema=known
        ),
        "credit_applications": pa.Table.from_pylist([application], schema=applications),
    }
    for name, rows in tables.items():
        lake.create_table(f"curated.{name}", schema=rows.schema).append(rows)
