"""Maintenance of the lake removes nothing that an act needs later."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from data_contracts.catalog import contract
from pipelines.curation.curate import curate
from pipelines.ingest.ingest import Counts, IngestReport, ingest
from pipelines.lake import raw
from pipelines.lake.iceberg import IcebergTables, catalog, spark_name, table_name
from pipelines.lake.iceberg_upkeep import IcebergUpkeep
from pipelines.settings import Settings
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.upkeep.maintain import Maintained, MaintainReport, NoSuchTable, maintain
from tests.data_contracts.samples import valid_record
from tests.pipelines.green import let_through

pytestmark = pytest.mark.slow

MOVEMENT = valid_record(contract("bank_transaction"))
MOVEMENTS, CURATED = "raw.bank_transactions", "curated.bank_transactions"
OF_BATCHES = (MOVEMENTS, raw.QUARANTINE, raw.DUPLICATES, raw.BATCHES)


class Killed(Exception):
    """The act ended here."""


def some_movements(first: int, count: int, **changes: object) -> list[CanonicalEvent]:
    bodies = [MOVEMENT | {"event_id": f"event-{n}"} | changes for n in range(first, first + count)]
    return [
        CanonicalEvent(body["event_id"], "bank_transaction.v1", "808", json.dumps(body).encode()) for body in bodies
    ]


def take(spark: Any, settings: Settings, *, killed_after: str | None = None) -> IngestReport:
    def after_commit(table: str) -> None:
        if table == killed_after:
            raise Killed(table)

    return ingest(spark, settings, now=lambda: datetime.now(UTC), sleep=time.sleep, after_commit=after_commit)


def keep(spark: Any, settings: Settings, *only: str) -> MaintainReport:
    """Maintain as if a week had gone by and nothing were young."""
    nothing = timedelta()
    return maintain(
        spark,
        IcebergUpkeep(settings),
        now=datetime.now(UTC) + timedelta(days=7),
        older_than=nothing,
        orphans_older_than=nothing,
        fewest_files=2,
        only=only,
    )


def of(report: MaintainReport, table: str) -> Maintained:
    (found,) = (each for each in report.tables if each.table == table)
    return found


@pytest.fixture(scope="module")
def settings(lake_environment: Mapping[str, str]) -> Settings:
    return Settings.from_environment(lake_environment)


@pytest.fixture(scope="module")
def kept(spark: Any, settings: Settings) -> dict[str, MaintainReport | IngestReport]:
    """A batch, one that is cut off, everything expired, the batch finished, everything expired, and repeats of all."""
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    stream.put(some_movements(0, 20))
    take(spark, settings)
    stream.put([*some_movements(0, 5), *some_movements(20, 20), *some_movements(90, 1, purpose="lottery")])
    with pytest.raises(Killed):
        take(spark, settings, killed_after=MOVEMENTS)
    cut_off = keep(spark, settings, *OF_BATCHES)
    finished = take(spark, settings)
    whole = keep(spark, settings, *OF_BATCHES)
    stream.put([*some_movements(0, 40), *some_movements(40, 1)])
    return {"cut off": cut_off, "finished": finished, "whole": whole, "repeated": take(spark, settings)}


def test_after_all_was_expired_a_batch_that_was_cut_off_is_finished_once(kept: Any) -> None:
    assert kept["cut off"].unfinished is not None
    assert kept["finished"].total == Counts(read=26, accepted=20, quarantined=1, duplicates=5)
    assert kept["whole"].unfinished is None


def test_after_all_was_expired_an_event_of_long_ago_is_still_known(spark: Any, settings: Settings, kept: Any) -> None:
    assert kept["repeated"].total == Counts(read=41, accepted=1, duplicates=40)
    ids = [row.event_id for row in spark.table(spark_name(settings, MOVEMENTS)).select("event_id").collect()]
    assert sorted(ids) == sorted(f"event-{n}" for n in range(41))


def test_compaction_leaves_fewer_files_and_expiry_the_snapshots_that_tell_something(kept: Any) -> None:
    """Of a batch that is not whole the newest is main's own; of the whole one before it a snapshot stays beside it."""
    found = of(kept["cut off"], MOVEMENTS)

    assert (found.compacted, found.files_before, found.files_after) == (2, 2, 1)
    assert found.bytes_after < found.bytes_before
    assert (found.kept.named, found.kept.told, found.kept.young) == (1, 1, 0)
    assert found.snapshots_after == found.kept.named + found.kept.told + found.kept.unfinished
    assert of(kept["whole"], MOVEMENTS).snapshots_after == 1
    assert of(kept["whole"], MOVEMENTS).swept.files > 0


def test_what_nothing_reaches_is_gone_from_the_store_and_what_is_young_is_not(settings: Settings, kept: Any) -> None:
    upkeep = IcebergUpkeep(settings)
    table = upkeep.table(MOVEMENTS)
    place = catalog(settings).load_table(table_name(settings, MOVEMENTS)).location()
    stray = f"{place}/data/of-a-killed-writer.parquet"
    bucket, key = stray.removeprefix("s3://").split("/", 1)
    upkeep.objects._client.put_object(Bucket=bucket, Key=key, Body=b"rows")

    now = datetime.now(UTC)
    young = table.sweep(frozenset(), now - timedelta(hours=1))
    assert (young.files, young.young) == (0, 1)
    assert table.sweep(frozenset(), now + timedelta(hours=1)).files == 1
    assert {stored.path for stored in upkeep.objects.under(place)} == table.reached()


def test_curating_after_maintenance_finds_nothing_to_do(spark: Any, settings: Settings, kept: Any) -> None:
    tables, contracts = IcebergTables(settings), [contract("bank_transaction")]
    curate(spark, tables, settings, contracts=contracts, judge=let_through)
    before = tables.newest(MOVEMENTS)
    report = keep(spark, settings, MOVEMENTS, CURATED)

    (again,) = curate(spark, tables, settings, contracts=contracts, judge=let_through).tables

    after = tables.newest(MOVEMENTS)
    assert before is not None
    assert after is not None
    assert of(report, MOVEMENTS).compacted > 0
    assert after.snapshot_id != before.snapshot_id
    assert after.rows_of == before.rows_of
    assert again.outcome == "unchanged"


def test_a_table_that_is_not_there_is_named(spark: Any, settings: Settings, kept: Any) -> None:
    with pytest.raises(NoSuchTable, match=r"no table raw\.nothing; it has .*raw\.batches"):
        keep(spark, settings, "raw.nothing")
