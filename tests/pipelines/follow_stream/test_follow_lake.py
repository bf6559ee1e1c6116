"""The stream job and the schedule's batch are one pipeline: the same events make the same tables and vectors."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from math import isclose
from random import Random
from typing import Any

import pytest

from data_contracts.catalog import contract
from features.memory import MemoryVectors
from features.store import Publications
from pipelines.curation.curate import curate
from pipelines.follow_stream.follow import Look, Round, follow
from pipelines.follow_stream.follow_steps import LakeSteps
from pipelines.ingest.batch import READ
from pipelines.ingest.ingest import ingest
from pipelines.lake.iceberg import IcebergTables, catalog, spark_name
from pipelines.lake.iceberg_changes import IcebergChanges
from pipelines.lake.memory import MemoryTables
from pipelines.settings import Settings
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.backlog import Backlog
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.postgres_turn import ingesting
from pipelines.vectors.publish_features import publish_features
from pipelines.vectors.published_vectors import published_vectors
from pipelines.vectors.refresh_features import refresh
from tests.command_line import acts_of
from tests.data_contracts.samples import valid_record

main = acts_of("pipelines")

pytestmark = pytest.mark.slow

ACCOUNTS = [f"berka:{number}" for number in range(6)]
NAMES = ("account", "bank_transaction", "credit_application")
SERVED = published_vectors()["applicant"]
START, AS_OF = datetime(1996, 1, 1, tzinfo=UTC), datetime(1997, 1, 1, tzinfo=UTC)


def test_rounds_over_random_slices_leave_what_one_batch_of_all_leaves(
    spark: Any, lake_environment: Mapping[str, str], database_url: str
) -> None:
    streamed = Settings.from_environment(lake_environment)
    at_once = Settings.from_environment(beside(lake_environment))
    slices = in_slices(Random(23))
    store, told, others = MemoryVectors(), list[Round](), list[threading.Thread]()
    turn, asked = partial(ingesting, database_url, streamed), threading.Event()

    @contextmanager
    def asked_turn() -> Iterator[Callable[[str], None]]:
        asked.set()
        with turn() as still_mine:
            yield still_mine

    def between_rounds(_seconds: float) -> bool:
        done = len(told)
        if done == 2:
            publish_features(built(streamed), store, lake=IcebergChanges(streamed))
        if done < len(slices):
            put(streamed, slices[done])
        if done == 2:
            asked.clear()
            others.append(threading.Thread(target=partial(an_ingest_beside, spark, streamed, turn, asked)))
            others[0].start()
        return done == len(slices) + 1

    put(streamed, slices[0])
    report = follow(
        steps(spark, streamed, store, asked_turn), now=lambda: datetime.now(UTC), wait=between_rounds, told=told.append
    )
    others[0].join()

    put(at_once, [event for each in slices for event in each])
    ingest(spark, at_once, now=lambda: AS_OF, sleep=time.sleep)
    curate(spark, IcebergTables(at_once), at_once)
    whole = MemoryVectors()
    refresh(IcebergChanges(at_once), whole, SERVED, AS_OF)

    for layer in ("raw_table", "curated_table"):
        for name in NAMES:
            assert contents(spark, streamed, name, layer), (layer, name)
            assert contents(spark, streamed, name, layer) == contents(spark, at_once, name, layer), (layer, name)
    assert unlike(store, whole) == []

    first, second, third, idle = told
    assert first.fault is not None
    assert "curated.bank_transactions (account_id_is_known" in first.fault
    assert (second.fault, second.refreshed, second.unpublished) == (None, 0, ("applicant", "merchant"))
    assert (third.fault, third.refreshed, third.unpublished) == (None, len(ACCOUNTS), ("merchant",))
    assert (set(idle.seconds), report.faults, report.unpublished) == ({"look"}, 1, ("merchant",))


@pytest.mark.parametrize("told_to_stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.usefixtures("spark")
def test_the_command_ends_behind_the_round_in_which_it_is_told_to(
    lake_environment: Mapping[str, str],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    told_to_stop: signal.Signals,
) -> None:
    for name, value in {**lake_environment, "TRANCHE_DATABASE_URL": database_url}.items():
        monkeypatch.setenv(name, value)
    look, looks, before = LakeSteps.look, list[Look](), signal.getsignal(told_to_stop)

    def look_and_be_told(self: LakeSteps) -> Look:
        os.kill(os.getpid(), told_to_stop)
        looks.append(look(self))
        return looks[-1]

    monkeypatch.setattr(LakeSteps, "look", look_and_be_told)
    main(["follow", "--every", "500", "--json"])
    told = capsys.readouterr()

    report = json.loads(told.out)
    assert (len(looks), report["rounds"], report["faults"]) == (1, 1, 0)
    assert list(report["seconds"]) == ["look", "curate", "refresh"]
    assert report["unpublished"] == ["applicant", "merchant"]
    assert signal.getsignal(told_to_stop) is before


def in_slices(random: Random) -> list[list[CanonicalEvent]]:
    """Three slices: late and repeated events, one that was told otherwise, and one account behind its own movements."""
    movements = [
        a_record("bank_transaction", f"m{n}", account, START + timedelta(days=random.randrange(300)), n,
                 direction=random.choice(["credit", "debit"]), amount_minor=random.randrange(1, 9_000_00))
        for n, account in enumerate(ACCOUNTS * 12)
    ]  # fmt: skip
    random.shuffle(movements)
    accounts = [a_record("account", f"a:{account}", account, START, shopper_id=account) for account in ACCOUNTS]
    applications = [a_record("credit_application", f"c:{account}", account, START) for account in ACCOUNTS]
    told_otherwise = a_record("bank_transaction", "m3", ACCOUNTS[3], START, 3, amount_minor=1)
    slices = [accounts[1:] + movements[:30], [accounts[0], *applications, *movements[30:50]], movements[50:]]
    slices[1] += random.sample(movements[:30], 5)
    slices[2] += [*random.sample(movements, 9), told_otherwise]
    return slices


def a_record(
    name: str, event_id: str, account: str, at: datetime, sequence: int = 0, **values: object
) -> CanonicalEvent:
    told = {"event_id": event_id, "account_id": account} | values
    told |= {"occurred_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "recorded_at": f"{at + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
    if name == "bank_transaction":
        told |= {"sequence": sequence, "booked_on": f"{at:%Y-%m-%d}"}
    if name == "credit_application":
        told |= {"application_id": event_id}
    body = valid_record(contract(name)) | told
    return CanonicalEvent(event_id, f"{name}.v1", account, json.dumps(body).encode())


def put(settings: Settings, events: list[CanonicalEvent]) -> None:
    KinesisStream(client(settings), settings.stream, time.sleep).put(events)


def steps(spark: Any, settings: Settings, store: Publications, turn: Any) -> LakeSteps:
    """Steps whose vectors are all as of one moment, so that it does not matter in which round they came."""
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    return LakeSteps(
        spark=spark,
        settings=settings,
        backlog=Backlog(stream, catalog(settings), settings),
        tables=IcebergTables(settings),
        changes=IcebergChanges(settings),
        store=lambda: nullcontext(store),
        turn=turn,
        now=lambda: AS_OF,
        sleep=time.sleep,
    )


def an_ingest_beside(spark: Any, settings: Settings, turn: Any, asked: threading.Event) -> None:
    """What the schedule may start at any moment; between reading and writing it waits for the stream job to ask."""

    def linger(step: str) -> None:
        if step == READ:
            assert asked.wait(600)

    with turn():
        ingest(spark, settings, now=lambda: AS_OF, sleep=time.sleep, after_commit=linger)


def built(settings: Settings) -> MemoryTables:
    """A feature table as an ordinary build leaves it: of one account at its application, without a day for all."""
    import pyarrow as pa

    changes, source = IcebergChanges(settings), SERVED.sources[0]
    mark = changes.mark(source.table)
    assert mark is not None
    rows = changes.rows(source.table, source.columns, source.key, ACCOUNTS[:1], mark)
    moments = {key: pa.array(ACCOUNTS[:1]) for key in SERVED.keys}
    moments["as_of"] = pa.array([START + timedelta(days=100)], pa.timestamp("us", tz="UTC"))
    computed = SERVED.with_snapshots(
        SERVED.compute(pa.table(moments), {source.name: rows}), {source.table: mark.snapshot_id}
    )
    tables = MemoryTables()
    tables.write(
        SERVED.table,
        computed.append_column("feature_set_digest", pa.array([SERVED.digest])),
        {"tranche.build": json.dumps({"as_of": [], "inputs": {source.table: mark.snapshot_id}})},
    )
    return tables


def beside(environment: Mapping[str, str]) -> dict[str, str]:
    """A second lake with a stream of its own."""
    from tranche.provisioning.aws import AwsNames, clients, provide_aws

    prefix, stream = f"{environment['TRANCHE_LAKE_PREFIX']}whole_", f"{environment['TRANCHE_STREAM']}-whole"
    region, endpoint = environment["TRANCHE_AWS_REGION"], environment["TRANCHE_AWS_ENDPOINT"]
    databases = tuple(f"{prefix}{name}" for name in ("raw", "curated", "features"))
    names = AwsNames(region, environment["TRANCHE_LAKE_BUCKET"], {stream: 4}, databases)
    provide_aws(clients(region, endpoint, endpoint), names)
    return {**environment, "TRANCHE_LAKE_PREFIX": prefix, "TRANCHE_STREAM": stream}


def contents(spark: Any, settings: Settings, name: str, layer: str) -> list[tuple[Any, ...]]:
    """The contract's columns of each row; raw repeats no event, whichever batch or ingest took it."""
    of = contract(name)
    frame = spark.table(spark_name(settings, getattr(of, layer)))
    return sorted(tuple(map(str, row)) for row in frame.select(*[column.name for column in of.columns]).collect())


def unlike(store: MemoryVectors, whole: MemoryVectors) -> list[tuple[str, str]]:
    """Accounts and features that differ by more than the last digit, which the order of rows may move."""
    found = []
    for account in ACCOUNTS:
        one, other = (each.latest(account, SERVED.digest, AS_OF) for each in (store, whole))
        assert one is not None, account
        assert other is not None, account
        assert (one.as_of, one.observed_until, one.observed) == (AS_OF, other.observed_until, other.observed)
        for feature, value in other.values.items():
            mine = one.values[feature]
            same = mine == value or (mine is not None and value is not None and isclose(mine, value, rel_tol=1e-12))
            found += [] if same else [(account, feature)]
    return found
