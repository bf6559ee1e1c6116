"""Real reshards, on kinesis-local, read by the reader that Spark runs; the lake's memory is a real Iceberg table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import psutil
import pytest

from pipelines.ingest.lag import lag
from pipelines.lake.iceberg import catalog
from pipelines.settings import Settings
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.backlog import Backlog
from pipelines.streams.iceberg_terms import set_share
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.shards import Position
from tests.pipelines.streams import kinesis_local
from tests.pipelines.streams.without_spark import create_batches, take_a_batch

pytestmark = pytest.mark.slow

KEYS = [f"account-{number}" for number in range(12)]


@dataclass
class World:
    """A stream on kinesis-local and the lake that reads it."""

    settings: Settings
    client: Any
    put_order: dict[str, list[str]] = field(default_factory=dict)
    taken: list[dict[str, Any]] = field(default_factory=list)
    numbers: count[int] = field(default_factory=count)

    @property
    def stream(self) -> KinesisStream:
        return KinesisStream(self.client, self.settings.stream, time.sleep)

    def put(self, events: int) -> None:
        """Put events, all keys in turn, each with its number in its body; a call a round, so rounds differ in time."""
        batch = []
        for number in range(events):
            key, name = KEYS[number % len(KEYS)], str(next(self.numbers))
            batch.append(CanonicalEvent(name, "t", key, b'{"key":"%s","name":"%s"}' % (key.encode(), name.encode())))
            self.put_order.setdefault(key, []).append(f'{{"key":"{key}","name":"{name}"}}')
        for first in range(0, events, len(KEYS)):
            self.stream.put(batch[first : first + len(KEYS)])

    def reshard(self, operation: str, **arguments: Any) -> None:
        """Split, merge or count anew, and wait until it is done."""
        getattr(self.client, operation)(StreamName=self.settings.stream, **arguments)
        self.client.get_waiter("stream_exists").wait(
            StreamName=self.settings.stream, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
        )

    def open(self) -> list[str]:
        return [shard.shard_id for shard in self.stream.shards() if shard.is_open]

    def middle_of(self, shard_id: str) -> str:
        shards = self.client.list_shards(StreamName=self.settings.stream)["Shards"]
        hashes = next(shard["HashKeyRange"] for shard in shards if shard["ShardId"] == shard_id)
        return str((int(hashes["StartingHashKey"]) + int(hashes["EndingHashKey"])) // 2)

    def batch(self, until: int | None = None) -> list[dict[str, Any]]:
        """Take one batch as Spark does, and commit where it stopped; nobody puts meanwhile, so no margin is needed."""
        rows = take_a_batch(self.settings, self.stream, until or time.time_ns() // 1_000_000 + 1)
        self.taken += rows
        return rows

    def taken_order(self) -> dict[str, list[str]]:
        """What the lake has of each key, batch after batch, within a batch older generations first."""
        return {key: [row["payload"] for row in self.taken if f'"{key}"' in row["payload"]] for key in KEYS}

    def arrivals(self, shard_id: str) -> list[int]:
        shard = next(each for each in self.stream.shards() if each.shard_id == shard_id)
        return [at for page in self.stream.read(shard, Position(), 2**53) for at in page.arrived_ms]


@pytest.fixture
def world(lake_environment: Mapping[str, str], kinesis_local_endpoint: str, request: pytest.FixtureRequest) -> World:
    name = request.node.name.replace("_", "-")[:60]
    settings = Settings.from_environment(
        {
            **lake_environment,
            "TRANCHE_KINESIS_ENDPOINT": kinesis_local_endpoint,
            "TRANCHE_AWS_REGION": kinesis_local.REGION,
            "TRANCHE_STREAM": name,
        }
    )
    create_batches(settings)
    made = World(settings, client(settings))
    made.client.create_stream(StreamName=name, ShardCount=2)
    made.client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})
    return made


def test_it_listens_on_loopback_alone(kinesis_local_endpoint: str) -> None:
    port = int(kinesis_local_endpoint.rpartition(":")[2])
    child = next(
        each
        for each in psutil.Process().children(recursive=True)
        if any(listening.laddr.port == port for listening in each.net_connections() if listening.status == "LISTEN")
    )

    assert {each.laddr.ip for each in child.net_connections() if each.status == "LISTEN"} == {"127.0.0.1"}


def test_split_merge_and_a_new_count_while_it_is_read_lose_double_and_swap_nothing(world: World) -> None:
    world.put(36)
    world.batch()
    first = world.open()[0]
    world.put(36)
    world.reshard("split_shard", ShardToSplit=first, NewStartingHashKey=world.middle_of(first))
    world.put(36)
    # The batch ends within the parent: its children, though all their records are there, are left for later.
    within_parent = world.arrivals(first)[-1]
    assert {row["generation"] for row in world.batch(within_parent)} == {0}
    assert {row["generation"] for row in world.batch()} == {0, 1}

    left, right = world.open()[-2:]
    world.put(36)
    world.reshard("merge_shards", ShardToMerge=left, AdjacentShardToMerge=right)
    world.put(36)
    world.reshard("update_shard_count", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    world.put(36)
    set_share(catalog(world.settings), world.settings, 20)
    sizes = [len(rows) for rows in iter(world.batch, [])]

    assert world.taken_order() == world.put_order
    assert len(world.taken) == 6 * 36
    assert len(sizes) > 1


def test_lag_tells_of_each_shard_what_is_unread_and_which_is_drained(world: World) -> None:
    backlog = Backlog(world.stream, catalog(world.settings), world.settings)
    empty = lag(backlog)
    world.put(24)
    before = lag(backlog)
    world.batch()
    parent = world.open()[0]
    world.reshard("split_shard", ShardToSplit=parent, NewStartingHashKey=world.middle_of(parent))
    world.put(24)
    after = lag(backlog)

    assert (empty.waiting, empty.oldest_unread_seconds, empty.taken_until) == (0, 0.0, None)
    assert (before.waiting, before.taken_until, before.is_at_risk) == (2, None, False)
    assert {each.stopped_at for each in before.shards} == {None}
    of = {each.shard: each for each in after.shards}
    assert (of[parent].is_open, of[parent].is_drained, of[parent].oldest_unread_seconds) == (False, True, None)
    assert of[parent].stopped_at is not None
    assert after.waiting == 3
    assert after.taken_until is not None
    assert 0 <= after.oldest_unread_seconds < 60


def test_a_stop_that_was_trimmed_goes_on_with_the_oldest_record_left(world: World) -> None:
    """The stand-in knows no such sequence number; the service starts at the oldest record by itself."""
    world.put(48)
    shard = world.stream.shards()[0]
    (all_of_it,) = world.stream.read(shard, Position(), 2**53)
    trimmed = Position(str(int(all_of_it.sequences[0]) - 1))
    between = Position(str(int(all_of_it.sequences[4]) + 1))

    assert [page.sequences for page in world.stream.read(shard, trimmed, 2**53)] == [all_of_it.sequences]
    assert [page.sequences for page in world.stream.read(shard, between, 2**53)] == [all_of_it.sequences[5:]]


def test_a_stream_made_anew_under_its_name_is_read_from_its_beginning(world: World) -> None:
    world.put(12)
    world.batch()
    world.client.delete_stream(StreamName=world.settings.stream)
    world.client.get_waiter("stream_not_exists").wait(
        StreamName=world.settings.stream, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
    )
    world.client.create_stream(StreamName=world.settings.stream, ShardCount=2)
    world.reshard("describe_stream_summary")
    assert lag(Backlog(world.stream, catalog(world.settings), world.settings)).taken_until is None
    world.put(12)

    assert len(world.batch()) == 12
    assert world.taken_order() == world.put_order
