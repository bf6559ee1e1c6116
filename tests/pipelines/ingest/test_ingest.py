"""The stream goes into the lake exactly once, whatever is on it and however often the act is killed."""

from __future__ import annotations

import json
import os
import random
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
from pyiceberg.exceptions import NoSuchTableError

from data_contracts.catalog import contract
from pipelines.ingest import rejects
from pipelines.ingest.batch import READ, TABLES
from pipelines.ingest.ingest import IngestReport, ingest
from pipelines.ingest.verdict import Counts, NotConserved, conserved
from pipelines.lake import raw
from pipelines.lake.iceberg import catalog, create_namespaces, spark_name, table_name
from pipelines.settings import Settings
from pipelines.sources.berka import Berka
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.iceberg import Stops
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.stream import StreamFault
from tests.data_contracts.samples import valid_record
from tests.pipelines.sources.berka_folder import a_berka_folder
from tests.soak import TIMES

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[3]
MOVEMENT = valid_record(contract("bank_transaction"))


def a_movement(event_id: str, **changes: object) -> CanonicalEvent:
    body = json.dumps(MOVEMENT | {"event_id": event_id} | changes).encode()
    return CanonicalEvent(event_id, "bank_transaction.v1", "808", body)


def raw_bytes(data: bytes) -> CanonicalEvent:
    return CanonicalEvent("unreadable", "", "808", data)


def take(spark: Any, settings: Settings, accept_rejects: frozenset[str] = frozenset()) -> IngestReport:
    return ingest(spark, settings, now=lambda: datetime.now(UTC), sleep=time.sleep, accept_rejects=accept_rejects)


def stream_of(settings: Settings) -> KinesisStream:
    return KinesisStream(client(settings), settings.stream, time.sleep)


def rows(spark: Any, settings: Settings, table: str) -> list[Any]:
    """All rows of a table; times as UTC text, because Python would show them in the machine's own zone."""
    if not spark.catalog.tableExists(spark_name(settings, table)):
        return []
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
    decided = spark.createDataFrame([("account.v1", "accepted")], "contract_type STRING, verdict STRING")

    with pytest.raises(NotConserved, match="batch 17: 2 records were read and 1 are accounted for"):
        conserved([decided], rows_in=2, until=17)


def test_an_absent_stream_is_named(spark: Any, lake_environment: Mapping[str, str]) -> None:
    settings = Settings.from_environment({**lake_environment, "TRANCHE_STREAM": "nowhere"})

    with pytest.raises(StreamFault, match="no stream nowhere"):
        take(spark, settings)


def test_a_stopped_batch_is_told_by_its_own_fault_and_read_again_when_it_is_let_through(
    spark: Any, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream_of(story.settings).put([a_movement("lost?", purpose="lottery"), a_movement("found")])
    monkeypatch.setattr(rejects, "FEWEST_RECORDS", 1)
    monkeypatch.setattr(rejects, "limits", lambda: {"bank_transaction.v1": 49})

    with pytest.raises(rejects.TooManyRejects, match=r"bank_transaction\.v1: 1 of 2 rejected \(50\.0 %, limit 49 %\)"):
        take(spark, story.settings)
    report = take(spark, story.settings, frozenset({"bank_transaction.v1"}))

    assert report.event_types == {"bank_transaction.v1": Counts(read=2, accepted=1, quarantined=1)}


FIRST_TABLE = "raw.accounts"
ALL_POINTS = (READ, raw.QUARANTINE, raw.DUPLICATES, FIRST_TABLE, TABLES, raw.BATCHES)
# A usual run takes one point of each kind: nothing is written, some tables are, all but the last are, all are. Behind
# the quarantine and behind the duplicates some tables are written too; `make soak` ends the act there as well.
POINTS = ALL_POINTS if TIMES > 1 else (READ, FIRST_TABLE, TABLES, raw.BATCHES)
# A process that kills itself costs a JVM each time. A usual run does it in the midst of a batch; at the other
# points an exception ends the act. `make soak` kills at each, and at random ones.
KILLED_FOR_REAL = ALL_POINTS if TIMES > 1 else (FIRST_TABLE,)
RANDOM_KILLS = 50 if TIMES > 1 else 0


class Ended(Exception):
    """Stands for the end of the process: nothing behind the step is done."""


@pytest.mark.timeout(1200)  # in `make soak` six times a JVM, on a machine that may be busy
def test_ended_at_each_point_and_started_again_the_lake_holds_what_was_sent(
    spark: Any, story: Story, lake_environment: Mapping[str, str]
) -> None:
    """The same batch is ended at each point; each run goes on where the one before ended."""
    environment, broken, unbroken = two_lakes(story.settings, lake_environment, "killed_")
    take(spark, unbroken)
    whole = {name: contents(unbroken, name) for name in raw.tables_of_a_batch()}
    order = [raw.QUARANTINE, raw.DUPLICATES, *raw.event_tables()]

    for point in POINTS:
        if point in KILLED_FOR_REAL:
            assert killed_at(point, environment), point
        else:
            end_at(point, spark, broken)
        done = {READ: [], TABLES: order, raw.BATCHES: order}.get(
            point, order[: order.index(point) + 1 if point in order else 0]
        )
        assert {name: contents(broken, name) for name in done} == {name: whole[name] for name in done}, point
        assert [name for name in order if name not in done and contents(broken, name)[0]] == [], point
        assert bool(rows(spark, broken, raw.BATCHES)) == (point == raw.BATCHES), point
    again = take(spark, broken)

    assert again.total == Counts()
    assert {name: contents(broken, name) for name in raw.tables_of_a_batch()} == whole
    assert totals(spark, broken) == totals(spark, unbroken)


@pytest.mark.skipif(not RANDOM_KILLS, reason="a matter of minutes: make soak")
@pytest.mark.timeout(0)
def test_killed_at_random_fifty_times_the_lake_holds_what_was_sent(
    spark: Any, story: Story, lake_environment: Mapping[str, str]
) -> None:
    """At named points and at any moment; what arrives meanwhile makes new batches to be killed in."""
    environment, broken, unbroken = two_lakes(story.settings, lake_environment, "soaked_")
    chance, stream, kills = random.Random(37), stream_of(story.settings), 0
    for round_ in range(RANDOM_KILLS):
        lot = [a_movement(f"soak:{round_}:{chance.randrange(20)}") for _ in range(30)]
        stream.put([*lot, a_movement(f"soak:{round_}", purpose="lottery"), raw_bytes(b"{")])
        kills += killed_at(chance.choice([*ALL_POINTS, f"{chance.uniform(0, 12):.2f}"]), environment)
    take(spark, broken)
    take(spark, unbroken)

    assert kills >= RANDOM_KILLS // 2
    tables = raw.tables_of_a_batch()
    assert {name: ids(broken, name) for name in tables} == {name: ids(unbroken, name) for name in tables}
    assert totals(spark, broken) == totals(spark, unbroken)


def two_lakes(
    settings: Settings, environment: Mapping[str, str], name: str
) -> tuple[dict[str, str], Settings, Settings]:
    """Two lakes on one stream, one of them to be killed in; its environment comes first."""
    killed = {**environment, "TRANCHE_LAKE_PREFIX": f"{settings.lake_prefix}{name}"}
    broken = Settings.from_environment(killed)
    unbroken = replace(broken, lake_prefix=f"{settings.lake_prefix}{name}not_")
    for each in (broken, unbroken):
        create_namespaces(each)
    return killed, broken, unbroken


def end_at(point: str, spark: Any, settings: Settings) -> None:
    """Ingest until that step, where an exception ends the act."""

    def end(step: str) -> None:
        if step == point:
            raise Ended

    with pytest.raises(Ended):
        ingest(spark, settings, now=lambda: datetime.now(UTC), sleep=time.sleep, after_commit=end)


def killed_at(point: str, environment: Mapping[str, str]) -> bool:
    """Ingest in a process of its own that kills itself there; False when it ended before."""
    program = [sys.executable, "-m", "tests.pipelines.ingest.killed_ingest", point]
    ended = subprocess.run(program, cwd=CHECKOUT, env={**os.environ, **environment}, check=False, capture_output=True)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()[-2000:]
    return ended.returncode != 0


def ids(settings: Settings, table: str) -> list[tuple[str, str, str]]:
    """Each row by its event and its place on the stream."""
    found = columns_of(settings, table, "event_id", "shard", "kinesis_sequence")
    return sorted((row["event_id"] or "", row["shard"], row["kinesis_sequence"]) for row in found)


def contents(settings: Settings, table: str) -> tuple[int, int, str]:
    """Count, sum of amounts and hash of ids."""
    found = columns_of(settings, table, "event_id", "kinesis_sequence", "amount_minor")
    ids = "\n".join(sorted(f"{row['event_id']}@{row['kinesis_sequence']}" for row in found))
    return len(found), sum(row.get("amount_minor") or 0 for row in found), sha256(ids.encode()).hexdigest()


def columns_of(settings: Settings, table: str, *names: str) -> list[dict[str, Any]]:
    """Those of the columns that the table has; read without Spark, which takes far longer for as many small tables."""
    try:
        found = catalog(settings).load_table(table_name(settings, table))
    except NoSuchTableError:
        return []
    kept = [name for name in names if name in found.schema().column_names]
    rows: list[dict[str, Any]] = found.scan(selected_fields=tuple(kept)).to_arrow().to_pylist()
    return rows


def totals(spark: Any, settings: Settings) -> Counts:
    found = rows(spark, settings, raw.BATCHES)
    return sum((Counts(row.rows_in, row.accepted, row.quarantined, row.duplicates) for row in found), Counts())
