"""The whole ingest on kinesis-local: a backlog in several batches, a reshard during it, a start chosen once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from data_contracts.catalog import contract
from pipelines.ingest.ingest import IngestReport, ingest
from pipelines.lake import raw
from pipelines.lake.iceberg import create_namespaces, spark_name
from pipelines.settings import Settings
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.iceberg_terms import StartRefused
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.stream import From
from tests.command_line import acts_of
from tests.data_contracts.samples import valid_record
from tests.pipelines.streams import kinesis_local
from tests.waiting import until

main = acts_of("pipelines")

pytestmark = pytest.mark.slow

MOVEMENT = valid_record(contract("bank_transaction"))
ACCOUNTS = [f"berka:{number}" for number in range(10)]
BATCH_RECORDS = 80
DEEP = b'{"event_type":' * 900 + b"1" + b"}" * 900
POISON = [b"", b"\x00", DEEP, b"\xf3\x89\x9a\xc2\x0a", json.dumps({"event_type": "x" * 900_000}).encode()]


def movements(first: int, count: int) -> list[CanonicalEvent]:
    """Movements of all accounts in turn; an account's own sequence is what the lake orders by."""
    events = []
    for number in range(first, first + count):
        account = ACCOUNTS[number % len(ACCOUNTS)]
        body = MOVEMENT | {"event_id": f"m{number}", "account_id": account, "sequence": number}
        events.append(CanonicalEvent(f"m{number}", "bank_transaction.v1", account, json.dumps(body).encode()))
    return events


def test_a_backlog_through_a_reshard_is_taken_in_bounded_batches_once_and_in_order(
    spark: Any,
    lake_environment: Mapping[str, str],
    kinesis_local_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment = {
        **lake_environment,
        "TRANCHE_KINESIS_ENDPOINT": kinesis_local_endpoint,
        "TRANCHE_AWS_REGION": kinesis_local.REGION,
        "TRANCHE_STREAM": "reshard-ingest",
        "TRANCHE_STREAM_BATCH_RECORDS": str(BATCH_RECORDS),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment(environment)
    create_namespaces(settings)
    kinesis = client(settings)

    def wait_until_active() -> None:
        told = kinesis.get_waiter("stream_exists")
        told.wait(StreamName=settings.stream, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})

    kinesis.create_stream(StreamName=settings.stream, ShardCount=2)
    wait_until_active()
    stream = KinesisStream(kinesis, settings.stream, time.sleep)

    def take(start: From | datetime | None = None) -> IngestReport:
        return ingest(spark, settings, now=lambda: datetime.now(UTC), sleep=time.sleep, start=start)

    def split(shard_id: str, at: int) -> None:
        kinesis.split_shard(StreamName=settings.stream, ShardToSplit=shard_id, NewStartingHashKey=str(at))
        wait_until_active()

    stream.put(movements(0, 20))
    put_by = stream.clock_ms()
    until(lambda: stream.clock_ms() > put_by)
    begin = datetime.fromtimestamp(stream.clock_ms() / 1000, UTC)
    stream.put(movements(100, 80))
    split(stream.shards()[0].shard_id, 2**126)
    stream.put([CanonicalEvent("poison", "", ACCOUNTS[0], body) for body in POISON])
    stream.put(movements(200, 60))
    report = take(begin)
    with pytest.raises(StartRefused, match="began at"):
        take(From.LATEST)
    assert main(["lag", "--json"]) == 0
    lag = json.loads(capsys.readouterr().out)

    assert (report.total.read, report.total.accepted, report.total.quarantined) == (145, 140, 5)
    assert report.batches >= 2
    sizes = spark.table(spark_name(settings, raw.BATCHES)).groupBy("until").sum("rows_in").collect()
    assert max(row[1] for row in sizes) <= BATCH_RECORDS
    assert (lag["waiting"], lag["oldest_unread_seconds"], lag["is_at_risk"]) == (0, 0.0, False)
    assert [(each["is_open"], each["is_drained"]) for each in lag["shards"]].count((False, True)) == 1
    taken = spark.table(spark_name(settings, "raw.bank_transactions")).select(
        "account_id", "sequence", "until", "kinesis_sequence"
    )
    in_order: dict[str, list[int]] = {}
    for row in sorted(taken.collect(), key=lambda row: (row.until, int(row.kinesis_sequence))):
        in_order.setdefault(row.account_id, []).append(row.sequence)
    assert in_order == {
        account: [*range(100 + at, 180, 10), *range(200 + at, 260, 10)] for at, account in enumerate(ACCOUNTS)
    }
