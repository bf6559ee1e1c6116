"""Quarantined rows go through a corrected contract: nothing is lost or doubled, wherever the redrive is killed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from data_contracts import catalog as contracts
from data_contracts.catalog import contract
from data_contracts.contract import Contract
from pipelines.ingest import contract_type, validation
from pipelines.ingest.batch import BatchWriter
from pipelines.ingest.redrive import Outcome, RedriveReport, Wanted, redrive
from pipelines.ingest.rejects import Excess, TooManyRejects
from pipelines.lake import raw
from pipelines.lake.iceberg import spark_name
from pipelines.settings import Settings
from tests.data_contracts.samples import valid_record

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WANTED = Wanted(by="ada", reason="lottery is a purpose now")
TABLE, TYPE = "raw.bank_transactions", "bank_transaction.v1"
MOVEMENT = valid_record(contract("bank_transaction"))
_DDL = "shard STRING, generation INT, position LONG, sequence STRING, until LONG, payload STRING, fault STRING"


class Killed(Exception):
    """Stands for the end of the process: nothing after the commit is done."""


@dataclass
class Lake:
    """A lake that batches are written to as the stream would give them, without the stream."""

    spark: Any
    settings: Settings
    batches: int = 0
    redrives: int = 0

    def take(self, payloads: list[str], **more: Any) -> None:
        self.batches += 1
        rows = [
            (
                "shard-0",
                0,
                at,
                f"{self.batches:03}{at:05}",
                self.batches,
                payload,
                None if payload != "{" else "not JSON",
            )
            for at, payload in enumerate(payloads, start=1)
        ]
        BatchWriter(self.settings, 1, lambda: NOW, **more).write(self.spark.createDataFrame(rows, _DDL), 0)

    def rows(self, table: str) -> list[Any]:
        if not self.spark.catalog.tableExists(spark_name(self.settings, table)):
            return []
        found: list[Any] = self.spark.table(spark_name(self.settings, table)).collect()
        return found

    def redrive(self, wanted: Wanted = WANTED, **more: Any) -> RedriveReport:
        self.redrives += 1
        return redrive(self.spark, self.settings, wanted, now=NOW + timedelta(minutes=self.redrives), **more)

    def states(self) -> dict[str, tuple[str, int]]:
        return {row.event_id or row.payload: (row.state, row.tries) for row in self.rows(raw.QUARANTINE)}


def a_movement(event_id: str, **changes: object) -> str:
    return json.dumps(MOVEMENT | {"event_id": event_id} | changes)


def lottery(event_id: str, **changes: object) -> str:
    return a_movement(event_id, purpose="lottery", **changes)


def corrected(wrong: Contract) -> Contract:
    """The contract's next version, in which lottery is a purpose."""
    columns = tuple(
        replace(column, valid_values=(*column.valid_values, "lottery")) if column.name == "purpose" else column
        for column in wrong.columns
    )
    return replace(wrong, version=replace(wrong.version, minor=wrong.version.minor + 1), columns=columns)


@pytest.fixture(scope="module")
def correct() -> Callable[[pytest.MonkeyPatch], None]:
    """Puts the corrected contract in the place of the wrong one."""
    known = contracts.event_contracts()
    now = {name: corrected(found) if name == TYPE else found for name, found in known.items()}

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (contract_type, validation, raw):
            monkeypatch.setattr(module, "event_contracts", lambda: now)

    return patch


@pytest.fixture(scope="module")
def lake(spark: Any, lake_environment: Mapping[str, str]) -> Lake:
    settings = Settings.from_environment(lake_environment)
    for statement in raw.create_statements(settings, set()):
        spark.sql(statement)
    return Lake(spark, settings)


def test_a_batch_over_its_limit_writes_nothing_until_it_is_let_through(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lots = [a_movement(f"sound:{at}") for at in range(75)] + [lottery(f"bad:{at}") for at in range(25)]
    monkeypatch.setattr("pipelines.ingest.rejects.limits", lambda: {TYPE: 24})

    with pytest.raises(TooManyRejects) as stopped:
        lake.take(lots)
    left = [name for name in [*raw.tables_of_a_batch(), raw.BATCHES] if lake.rows(name)]
    lake.take(lots, accept_rejects=frozenset({TYPE}))

    rule = "purpose.enum (25, for example 'lottery')"
    assert stopped.value.excesses == (Excess(TYPE, read=100, rejected=25, limit=24, run=25, rules=(rule,)),)
    assert f"{TYPE}: 25 of 100 rejected (25.0 %, limit 24 %); most often {rule}" in stopped.value.user_message
    assert left == []
    assert [(row.quarantined, row.let_through) for row in lake.rows(raw.BATCHES)] == [(25, True)]


def test_a_batch_reads_its_source_once_and_is_written_in_few_files(lake: Lake, spark: Any) -> None:
    read = spark.sparkContext.accumulator(0)
    payloads = [a_movement("one-read"), a_movement("one-read"), json.dumps(valid_record(contract("account"))), "{"]
    rows = [
        ("shard-9", 0, at, f"9{at}", 900, payload, None if payload != "{" else "not JSON")
        for at, payload in enumerate(payloads, 1)
    ]

    def counted(part: Any) -> Any:
        for row in part:
            read.add(1)
            yield row

    batch = spark.createDataFrame(spark.sparkContext.parallelize(rows, 4).mapPartitions(counted), _DDL)
    BatchWriter(lake.settings, 1, lambda: NOW).write(batch, 0)

    assert read.value == len(rows)
    assert spark.table(f"{spark_name(lake.settings, TABLE)}.files").where("record_count = 1").count() == 1


def test_the_story_of_a_redrive(lake: Lake, monkeypatch: pytest.MonkeyPatch, correct: Callable[..., None]) -> None:
    """Killed after each commit and run again, then tried in vain until the poison is parked."""
    lake.take(
        [
            "{",
            lottery("again", amount_minor=7),
            lottery("meanwhile"),
            lottery("twice"),
            lottery("twice"),
            a_movement("poison", purpose="x"),
        ]
    )
    lake.take([a_movement("meanwhile")])
    before = len(lake.rows(raw.QUARANTINE)), len(lake.rows(TABLE)), len(lake.rows(raw.DUPLICATES))
    correct(monkeypatch)

    for table in (TABLE, raw.DUPLICATES, raw.QUARANTINE):
        with pytest.raises(Killed):
            lake.redrive(after_commit=dying_at(table))
    report = lake.redrive()

    # 25 of the batch that was let through, and the three that the correction is for; each once, killed or not.
    accepted = Counter(row.event_id for row in lake.rows(TABLE))
    assert max(accepted.values()) == 1
    assert len(lake.rows(TABLE)) == before[1] + 25 + 2
    assert len(lake.rows(raw.DUPLICATES)) == before[2] + 2
    assert len(lake.rows(raw.QUARANTINE)) == before[0] == sum(report.states.values())
    assert report.states == {"duplicate": 2, "quarantined": 3, "redriven": 27}
    # The first one that reached the quarantine took them; its row was written by the run after it.
    taken = {row.event_type: row for row in lake.rows(raw.REDRIVES) if row.taken > 1 and row.event_type == TYPE}
    assert (taken[TYPE].redriven, taken[TYPE].duplicates, taken[TYPE].quarantined) == (27, 2, 1)
    assert (taken[TYPE].done_by, taken[TYPE].reason) == ("ada", WANTED.reason)
    assert report.event_types[TYPE] == Outcome(1, 0, 0, 1, 0)

    row = next(row for row in lake.rows(TABLE) if row.event_id == "again")
    place = next(row for row in lake.rows(raw.QUARANTINE) if row.event_id == "again")
    assert (row.shard, row.kinesis_sequence, row.until) == (place.shard, place.kinesis_sequence, place.until)
    assert (row.contract_version, place.contract_version, row.amount_minor) == ("1.1.0", "1.0.0", 7)
    reasons = {row.event_id: row.reason for row in lake.rows(raw.DUPLICATES) if row.event_id in ("meanwhile", "twice")}
    assert reasons == {"meanwhile": "another body under a known event_id", "twice": "repeated"}


def test_poison_is_parked_after_its_tries_keeps_no_one_waiting_and_is_tried_when_asked_for(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, correct: Callable[..., None]
) -> None:
    lake.take([lottery("behind-the-poison")])
    correct(monkeypatch)

    first = lake.redrive(Wanted("ada", "one by one", limit=1))
    second = lake.redrive()
    third = lake.redrive()
    asked = lake.redrive(Wanted("ada", "look again", parked=True))

    assert first.event_types == {TYPE: Outcome(1, 1, 0, 0, 0)}
    assert second.event_types[TYPE] == Outcome(1, 0, 0, 0, 1)
    assert (third.event_types, third.states["parked"]) == ({}, 3)
    assert asked.event_types[TYPE] == Outcome(1, 0, 0, 0, 1)
    assert lake.states()["poison"] == ("parked", 4)
    assert lake.states()["{"] == ("parked", 4)


def test_only_the_type_and_version_that_are_wanted_are_tried(lake: Lake) -> None:
    everything = {"by": "ada", "reason": "some of it", "parked": True}

    assert lake.redrive(Wanted(**everything, event_type="account.v1")).event_types == {}
    assert lake.redrive(Wanted(**everything, contract_version="9.9.9")).event_types == {}
    assert set(lake.redrive(Wanted(**everything, contract_version="1.0.0")).event_types) == {TYPE}


def dying_at(table: str) -> Callable[[str], None]:
    def die(committed: str) -> None:
        if committed == table:
            raise Killed

    return die
