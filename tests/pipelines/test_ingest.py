"""The stream goes into the lake exactly once, whatever is on it and however often the act is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from data_contracts.catalog import contract
from pipelines.ingest import Counts, IngestReport, NotConserved, ingest
from pipelines.lake import raw
from pipelines.lake.iceberg import create_namespaces, spark_name
from pipelines.settings import Settings
from pipelines.sources.berka import Berka
from pipelines.sources.source import Event
from pipelines.streams.iceberg import Stops
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.stream import StreamFault
from tests.data_contracts.samples import valid_record
from tests.pipelines.sources.berka_folder import a_berka_folder

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
MOVEMENT = valid_record(contract("bank_transaction"))


def a_movement(event_id: str, **changes: object) -> Event:
    body = json.dumps(MOVEMENT | {"event_id": event_id} | changes).encode()
    return Event(event_id, "bank_transaction.v1", "808", body)


def raw_bytes(data: bytes) -> Event:
    return Event("unreadable", "", "808", data)


def take(spark: Any, settings: Settings) -> IngestReport:
    return ingest(spark, settings, now=lambda: datetime.now(UTC), sleep=time.sleep)


def stream_of(settings: Settings) -> KinesisStream:
    return KinesisStream(client(settings), settings.stream, time.sleep)


def rows(spark: Any, settings: Settings, table: str) -> list[Any]:
    """All rows of a table; times as UTC text, because Python would show them in the machine's own zone."""
    frame = spark.table(spark_name(settings, table))
    times = {name: f"CAST({name} AS STRING) AS {name}" for name, kind in frame.dtypes if kind == "timestamp"}
    found: list[Any] = frame.selectExpr(*[times.get(name, name) for name in frame.columns]).collect()
    return found


@dataclass(frozen=True)
class Story:
    """Three runs over one stream: a mixed first lot, a late and a repeated event, nothing new."""

    settings: Settings
    reports: tuple[IngestReport, IngestReport, IngestReport]


@pytest.fixture(scope="module")
def story(spark: Any, lake_environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Story:
    settings = Settings.from_environment(lake_environment)
    stream = stream_of(settings)
    berka = list(Berka(a_berka_folder(tmp_path_factory.mktemp("berka"))).read().events)
    stream.put(berka)
    stream.put([a_movement("twice"), a_movement("changed"), a_movement("once")])
    stream.put([a_movement("twice"), a_movement("changed", amount_minor=1)])
    stream.put([a_movement("broken", purpose="lottery", currency="GB"), a_movement("stranger", event_type="x.v1")])
    stream.put([raw_bytes(b"{"), raw_bytes(b"\xff\xfe"), raw_bytes(a_movement("a").body + a_movement("b").body)])
    first = take(spark, settings)
    late = a_movement("late", occurred_at="1993-01-01T00:00:00Z", recorded_at="1995-06-01T00:00:00Z")
    stream.put([late, a_movement("once"), a_movement("twice", amount_minor=2)])
    return Story(settings, (first, take(spark, settings), take(spark, settings)))


def test_each_run_counts_what_became_of_every_record(story: Story) -> None:
    first, second, third = story.reports

    assert first.event_types["bank_transaction.v1"] == Counts(read=11, accepted=8, quarantined=1, duplicates=2)
    assert first.event_types["unknown"] == Counts(read=4, quarantined=4)
    assert first.event_types["account.v1"] == Counts(read=2, accepted=2)
    assert second.event_types == {"bank_transaction.v1": Counts(read=3, accepted=1, duplicates=2)}
    assert third.total == Counts()
    assert (first.batches, second.batches, third.batches) == (1, 1, 0)


def test_what_was_read_is_accepted_quarantined_or_a_duplicate_and_stored_so(spark: Any, story: Story) -> None:
    found = rows(spark, story.settings, raw.BATCHES)

    assert found
    assert all(row.rows_in == row.accepted + row.quarantined + row.duplicates for row in found)
    stored = {
        "accepted": sum(len(rows(spark, story.settings, name)) for name in raw.event_tables()),
        "quarantined": len(rows(spark, story.settings, raw.QUARANTINE)),
        "duplicates": len(rows(spark, story.settings, raw.DUPLICATES)),
    }
    assert stored == {name: sum(row[name] for row in found) for name in stored}


def test_accepted_rows_are_typed_and_know_where_they_came_from(spark: Any, story: Story) -> None:
    row = next(row for row in rows(spark, story.settings, "raw.bank_transactions") if row.event_id == "berka:trans:105")

    assert (row.amount_minor, str(row.booked_on), row.occurred_at) == (337270, "1996-02-12", "1996-02-12 00:00:00")
    assert row.shard.startswith("shardId-")
    assert row.until > 1_700_000_000_000
    assert row.contract_version == "1.0.0"


def test_the_quarantine_names_the_broken_rules_and_keeps_the_payload(spark: Any, story: Story) -> None:
    found = {row.event_id: row for row in rows(spark, story.settings, raw.QUARANTINE) if row.event_id}

    broken = found["broken"]
    assert (broken.rule, broken.column, broken.value) == ("currency.enum", "currency", "GB")
    assert [each.rule for each in broken.violations] == ["currency.enum", "purpose.enum"]
    assert json.loads(broken.payload)["purpose"] == "lottery"
    assert (found["stranger"].rule, found["stranger"].value) == ("event_type.known", "x.v1")


def test_what_is_no_json_object_is_kept_as_it_came(spark: Any, story: Story) -> None:
    found = {row.payload: row.value for row in rows(spark, story.settings, raw.QUARANTINE) if not row.event_id}

    assert set(found) == {"{", "base64://4=", (a_movement("a").body + a_movement("b").body).decode()}
    assert found["base64://4="] == "not UTF-8 at byte 0"


def test_a_duplicate_is_parked_and_told_from_a_changed_body(spark: Any, story: Story) -> None:
    found = sorted((row.event_id, row.reason) for row in rows(spark, story.settings, raw.DUPLICATES))

    changed = "another body under a known event_id"
    assert found == [("changed", changed), ("once", "repeated"), ("twice", changed), ("twice", "repeated")]
    amounts = {row.event_id: row.amount_minor for row in rows(spark, story.settings, "raw.bank_transactions")}
    assert amounts["changed"] == amounts["twice"] == MOVEMENT["amount_minor"]


def test_a_late_event_is_in_the_table_once(spark: Any, story: Story) -> None:
    found = [row for row in rows(spark, story.settings, "raw.bank_transactions") if row.event_id == "late"]

    assert [row.occurred_at for row in found] == ["1993-01-01 00:00:00"]


def test_shards_keep_where_they_stopped_when_nothing_came(spark: Any, story: Story) -> None:
    first, second = (
        Stops.parse(row.stops)
        for row in sorted(
            {row.until: row for row in rows(spark, story.settings, raw.BATCHES)}.values(), key=lambda row: row.until
        )
    )

    assert set(first.shards) <= set(second.shards)
    assert sum(first.shards[shard] != second.shards[shard] for shard in first.shards) == 1


def test_a_batch_that_does_not_add_up_is_refused(spark: Any) -> None:
    from pipelines.ingest import _conserved

    decided = spark.createDataFrame([("account.v1", "accepted")], "contract_type STRING, outcome STRING")

    with pytest.raises(NotConserved, match="batch 17: 2 records were read and 1 are accounted for"):
        _conserved(decided, rows_in=2, until=17)


def test_an_absent_stream_is_named(spark: Any, lake_environment: Mapping[str, str]) -> None:
    settings = Settings.from_environment({**lake_environment, "TRANCHE_STREAM": "nowhere"})

    with pytest.raises(StreamFault, match="no stream nowhere"):
        take(spark, settings)


def test_killed_twice_and_started_again_the_lake_is_as_after_an_unbroken_run(
    spark: Any, story: Story, lake_environment: Mapping[str, str]
) -> None:
    killed = {**lake_environment, "TRANCHE_LAKE_PREFIX": f"{story.settings.lake_prefix}killed_"}
    broken = Settings.from_environment(killed)
    unbroken = replace(broken, lake_prefix=f"{story.settings.lake_prefix}whole_")
    for settings in (broken, unbroken):
        create_namespaces(settings)

    for table in (raw.QUARANTINE, "raw.bank_transactions"):
        program = [sys.executable, "-m", "tests.pipelines.killed_ingest", table]
        ended = subprocess.run(program, cwd=CHECKOUT, env={**os.environ, **killed}, check=False, capture_output=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]
    take(spark, broken)
    take(spark, unbroken)

    tables = [*raw.tables_of_a_batch()]
    assert {name: contents(spark, broken, name) for name in tables} == {
        name: contents(spark, unbroken, name) for name in tables
    }
    assert totals(spark, broken) == totals(spark, unbroken)


def contents(spark: Any, settings: Settings, table: str) -> tuple[int, int, str]:
    """Count, sum of amounts and hash of ids."""
    found = [row.asDict() for row in rows(spark, settings, table)]
    ids = "\n".join(sorted(f"{row['event_id']}@{row['kinesis_sequence']}" for row in found))
    return len(found), sum(row.get("amount_minor") or 0 for row in found), sha256(ids.encode()).hexdigest()


def totals(spark: Any, settings: Settings) -> Counts:
    found = rows(spark, settings, raw.BATCHES)
    return sum((Counts(row.rows_in, row.accepted, row.quarantined, row.duplicates) for row in found), Counts())
