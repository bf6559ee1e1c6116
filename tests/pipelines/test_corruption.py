"""For any share of malformed, repeated or shuffled records, rows are conserved and curated tables are equal."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data_contracts.catalog import contract, event_contracts
from data_contracts.contract import Contract
from data_contracts.quarantine import text_of, violations_of
from pipelines.curation.curate import curate
from pipelines.ingest import rejects
from pipelines.ingest.batch import TABLES, BatchWriter
from pipelines.ingest.contract_type import UNKNOWN_TYPE
from pipelines.ingest.ingest import ingest
from pipelines.lake import raw
from pipelines.lake.iceberg import IcebergTables, create_namespaces, spark_name
from pipelines.settings import Settings
from pipelines.sources.berka import Berka
from pipelines.sources.source import CanonicalEvent
from pipelines.streams import records
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.stream import batches
from tests.pipelines.green import let_through
from tests.pipelines.ingest.test_ingest import end_at, killed_at
from tests.soak import TIMES
from tranche.provisioning.aws import AwsNames, clients, provide_aws

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
RATES = (0, 1, 5, 20, 60)
ONE_IN = 40
"""The soak takes all events of Berka, a change one in forty."""
_ODD_VALUES = (
    None,
    "",
    "x\n",
    -1,
    12.5,
    10**18,
    True,
    [],
    "1995-02-29",
    "1995-03-01T24:00:00Z",
    "CZK",
    "007",
    "ž" * 200,
)


@dataclass
class Oracle:
    """What must become of a delivery, worked out record by record in Python, by event type."""

    read: Counter[str]
    accepted: Counter[str]
    quarantined: Counter[str]
    rules: Counter[tuple[str, str]]

    @property
    def duplicates(self) -> Counter[str]:
        return self.read - self.accepted - self.quarantined


def test_five_rates_of_corruption_conserve_berka(
    spark: Any, lake_environment: Mapping[str, str], berka: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fifth of the events is a batch with its own share of broken records, and three in 100 are repeated."""
    settings = Settings.from_environment(lake_environment)
    monkeypatch.setattr(rejects, "limits", dict)
    for statement in raw.create_statements(settings, set()):
        spark.sql(statement)
    every = [event.body for event in Berka(berka).read().events]
    events = every if TIMES > 1 else every[::ONE_IN]
    chance, seen = random.Random(2), set[str]()
    judges = event_contracts()

    for until, rate in enumerate(RATES, start=1):
        payloads = list(_delivery(events[until - 1 :: len(RATES)], rate, chance))
        expected = _judged(payloads, seen, judges)
        BatchWriter(settings, 1, lambda: NOW).write(_as_read(spark, payloads, until), 0)

        batch = spark.table(spark_name(settings, raw.BATCHES)).where(f"until = {until}").collect()
        assert all(row.rows_in == row.accepted + row.quarantined + row.duplicates for row in batch)
        for name in ("accepted", "quarantined", "duplicates"):
            assert +Counter({row.event_type: row[name] for row in batch}) == getattr(expected, name), (rate, name)
        assert sum(row.rows_in for row in batch) == len(payloads)
        quarantine = spark.table(spark_name(settings, raw.QUARANTINE)).where(f"until = {until}")
        found = quarantine.selectExpr("coalesce(contract_version, '') AS version", "rule").groupBy("version", "rule")
        assert Counter({(row.version, row.rule): row["count"] for row in found.count().collect()}) == expected.rules

    assert len(every) > 340_000
    assert len(seen) > 0.8 * len(events)


def _delivery(events: list[bytes], rate: int, chance: random.Random) -> Iterator[str]:
    """The events with `rate` of 100 broken in some way, and three of 100 sent again at once."""
    for body in events:
        payload = body.decode()
        if 100 * chance.random() < rate:
            record = json.loads(body)
            record[chance.choice(sorted(record))] = chance.choice(_ODD_VALUES)
            payload = chance.choice(["{", *[json.dumps(record)] * 19])
        yield payload
        if chance.random() < 0.03:
            yield payload


def _as_read(spark: Any, payloads: list[str], until: int) -> Any:
    """The frame that the stream's reader makes of these records of a shard."""
    bodies = [payload.encode() for payload in payloads]
    sequences = [str(at) for at, _ in enumerate(payloads)]
    read = records.rows(shard="shard-0", generation=0, first=1, until=until, sequences=sequences, bodies=bodies)
    return spark.createDataFrame(pa.Table.from_batches([read]))


def _judged(payloads: list[str], seen: set[str], judges: Mapping[str, Contract]) -> Oracle:
    """Adds to `seen` what is accepted."""
    found = Oracle(Counter(), Counter(), Counter(), Counter())
    for payload in payloads:
        record = {} if payload == "{" else json.loads(payload)
        judge = judges.get(text_of(record.get("event_type")) or "")
        event_type = UNKNOWN_TYPE if judge is None else judge.event_type
        found.read[event_type] += 1
        if judge is None:
            broken, version = ["payload.readable" if payload == "{" else "event_type.known"], ""
        else:
            broken, version = [each.rule for each in violations_of(judge, record)], str(judge.version)
        if broken:
            found.quarantined[event_type] += 1
            found.rules[version, broken[0]] += 1
        elif (event_id := str(text_of(record["event_id"]))) not in seen:
            seen.add(event_id)
            found.accepted[event_type] += 1
    return found


def test_a_killed_restarted_repeated_and_shuffled_delivery_is_curated_to_equal_tables(
    spark: Any, lake_environment: Mapping[str, str], berka: Path
) -> None:
    """Over the real stream; the lineage columns, which say how a row came, are left out of the comparison.

    The soak kills a process; a change ends the act by an exception at the same step.
    """
    events = list(islice(Berka(berka).read().events, 3_000))
    clean, rough = (_lake(lake_environment, name) for name in ("clean", "rough"))
    _put(clean, events)
    _take(spark, clean)

    chance = random.Random(19)
    shuffled = events + chance.sample(events, k=900)
    chance.shuffle(shuffled)
    _put(rough, shuffled[:2_000])
    environment = {
        **lake_environment,
        "TRANCHE_LAKE_PREFIX": rough.lake_prefix,
        "TRANCHE_STREAM": rough.stream,
    }
    if TIMES > 1:
        assert killed_at(TABLES, environment)
    else:
        end_at(TABLES, spark, rough)
    _put(rough, shuffled[2_000:])
    _take(spark, rough)
    of = [contract("account"), contract("bank_transaction")]
    for settings in (clean, rough):
        curate(spark, IcebergTables(settings), settings, contracts=of, judge=let_through)

    tables = {each.name: (_sorted_hash(spark, clean, each), _sorted_hash(spark, rough, each)) for each in of}
    assert {name: one == other for name, (one, other) in tables.items()} == {each.name: True for each in of}
    assert spark.table(spark_name(rough, raw.DUPLICATES)).count() == 900
    assert _sorted_hash(spark, clean, of[0]) != _sorted_hash(spark, clean, of[1])


def _lake(environment: Mapping[str, str], name: str) -> Settings:
    settings = Settings.from_environment(environment)
    own = replace(settings, stream=f"{settings.stream}-{name}", lake_prefix=f"{settings.lake_prefix}{name}_")
    provide_aws(
        clients(settings.aws_region, settings.aws_endpoint, settings.aws_endpoint),
        AwsNames(settings.aws_region, settings.lake_bucket, {own.stream: 2}, databases=()),
    )
    create_namespaces(own)
    return own


def _put(settings: Settings, events: list[CanonicalEvent]) -> None:
    stream = KinesisStream(client(settings), settings.stream, lambda _: None)
    for batch in batches(events):
        stream.put(batch)


def _take(spark: Any, settings: Settings) -> None:
    ingest(spark, settings, now=lambda: datetime.now(UTC), sleep=time.sleep)


def _sorted_hash(spark: Any, settings: Settings, of: Any) -> str:
    """Of a curated table's rows over the contract's columns, each as text, in the order of those texts."""
    columns = [f"coalesce(CAST({column.name} AS STRING), '')" for column in of.columns]
    rows = spark.table(spark_name(settings, of.curated_table)).selectExpr(
        f"concat_ws('|', {', '.join(columns)}) AS line"
    )
    return sha256("\n".join(sorted(row.line for row in rows.collect())).encode()).hexdigest()
