"""Putting under throttling and partial failure, injected into a real client: nothing lost, reordered or resent."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from ledger.outbox.fact_log import Written
from pipelines.ingest.relay import put_in_order
from pipelines.settings import Settings
from pipelines.sources.source import MAX_EVENT_BYTES, CanonicalEvent
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.shards import Position
from pipelines.streams.stream import EventTooLarge, StreamFault, batches

THROTTLED = "ProvisionedThroughputExceededException"


class _Body(io.BytesIO):
    """A raw body as the HTTP library streams it."""

    def stream(self, **_: Any) -> Any:
        yield self.getvalue()


@dataclass
class Weather:
    """Hooks on a client: refuse calls before they are sent, and say of entries that they failed though they got in."""

    random: Random
    refused: float = 0.0
    failed: float = 0.0
    sent: list[list[str]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    asked: int = 0
    _asking: list[str] = field(default_factory=list)

    def over(self, client: Any) -> None:
        client.meta.events.register("provide-client-params.kinesis.PutRecords", self._note)
        client.meta.events.register("before-send.kinesis", self._refuse)
        client.meta.events.register("after-call.kinesis.PutRecords", self._fail)

    def _note(self, params: dict[str, Any], **_: Any) -> None:
        self._asking = [entry["Data"].decode() for entry in params["Records"]]
        self.sent.append(self._asking)

    def _refuse(self, request: Any, **_: Any) -> AWSResponse | None:
        self.asked += 1
        if self.random.random() >= self.refused:
            return None
        body = json.dumps({"__type": THROTTLED, "message": "Rate exceeded for shard"}).encode()
        return AWSResponse(request.url, 400, {"Content-Type": "application/x-amz-json-1.1"}, _Body(body))

    def _fail(self, parsed: dict[str, Any], **_: Any) -> None:
        if "Records" not in parsed:
            return
        for at, body in enumerate(self._asking):
            if self.random.random() < self.failed:
                parsed["Records"][at] = {"ErrorCode": THROTTLED, "ErrorMessage": "Rate exceeded for shard"}
                parsed["FailedRecordCount"] += 1
            else:
                self.acknowledged.append(body)


@dataclass
class World:
    """A stream on MiniStack of its own, its client, and where it stood at the start of the test."""

    client: Any
    name: str
    began: Mapping[str, Position]

    def stream(self, sleep: Any = lambda _: None) -> KinesisStream:
        return KinesisStream(self.client, self.name, sleep)

    def on_it(self) -> list[str]:
        """What the test put, shard by shard."""
        return [
            body.decode()
            for shard in self.stream().shards()
            for page in self.stream().read(shard, self.began[shard.shard_id], 2**53)
            for body in page.bodies
        ]


@pytest.fixture
def world(lake_environment: Mapping[str, str]) -> World:
    settings = Settings.from_environment(lake_environment)
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    began = {
        shard.shard_id: Position(
            next((page.sequences[-1] for page in reversed(list(stream.read(shard, Position(), 2**53)))), None)
        )
        for shard in stream.shards()
    }
    return World(client(settings), settings.stream, began)


def events(count: int, keys: int) -> list[CanonicalEvent]:
    return [
        CanonicalEvent(str(number), "t", f"key-{number % keys}", f"{number % keys}:{number}".encode())
        for number in range(count)
    ]


def relayed(given: list[CanonicalEvent]) -> list[list[CanonicalEvent]]:
    """The batches in which the relay puts the same events as facts."""
    facts = [Written(at, each.event_id, each.event_type, each.account_id, each.body) for at, each in enumerate(given)]
    return list(put_in_order(facts))


def by_key(bodies: list[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for body in bodies:
        key, _, number = body.partition(":")
        found.setdefault(key, []).append(int(number))
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("one_by_one", [True, False])
def test_under_half_the_calls_refused_and_a_fifth_of_the_entries_failed_nothing_is_missing(
    world: World, seed: int, one_by_one: bool
) -> None:
    weather = Weather(Random(seed), refused=0.5, failed=0.2)
    weather.over(world.client)
    given = events(600, keys=40)

    again = sum(world.stream().put(batch) for batch in (relayed(given) if one_by_one else batches(given)))

    weather.refused = 0.0
    stored = world.on_it()
    assert set(stored) == {event.body.decode() for event in given}
    assert len(stored) > len(given)
    # Sent again: what was told to have failed, nothing else. An acknowledged entry is never sent a second time.
    assert again == sum(len(call) for call in weather.sent) - len(given)
    assert Counter(weather.acknowledged) == Counter(event.body.decode() for event in given)
    if one_by_one:
        assert all(numbers == sorted(numbers) for numbers in by_key(stored).values())


def test_in_one_call_a_later_event_overtakes_a_refused_one(world: World) -> None:
    """Why the relay puts one event of a plan at a time, and why the lake orders by the producer's own sequence."""
    Weather(Random(1), failed=0.2).over(world.client)
    given = events(600, keys=40)

    for batch in batches(given):
        world.stream().put(batch)

    assert any(numbers != sorted(numbers) for numbers in by_key(world.on_it()).values())


def test_relayed_no_call_holds_two_events_of_one_account_and_one_waits_for_the_other(world: World) -> None:
    weather = Weather(Random(5), refused=0.3, failed=0.3)
    weather.over(world.client)

    for batch in relayed(events(60, keys=7)):
        world.stream().put(batch)

    for call in weather.sent:
        assert len(by_key(call)) == len(call)
    by_number = {body: at for at, body in enumerate(weather.acknowledged)}
    assert len(by_number) == 60


@pytest.mark.parametrize(("operation", "calls"), [("put", 21), ("describe", 21), ("read", 21)])
def test_a_throttled_call_is_asked_again_by_one_layer_alone(world: World, operation: str, calls: int) -> None:
    """With botocore asking again as well it would be a multiple of that."""
    shard = world.stream().shards()[0]
    weather = Weather(Random(1), refused=1.0)
    weather.over(world.client)
    waits: list[float] = []
    stream = KinesisStream(world.client, world.name, waits.append, jitter=lambda: 1.0)
    act = {
        "put": lambda: stream.put(events(3, keys=3)),
        "describe": stream.check,
        "read": lambda: list(stream.read(shard, Position(), 2**53)),
    }[operation]

    with pytest.raises(StreamFault, match=f"stream {world.name} .* 21 times: {THROTTLED}"):
        act()

    assert weather.asked == calls
    assert len(waits) == 20
    assert waits == sorted(waits)
    assert max(waits) == 5.0


def test_an_event_as_large_as_the_stream_takes_gets_in_and_one_byte_more_is_refused_by_name(world: World) -> None:
    account = "k" * 76
    most = CanonicalEvent("most", "t", account, b"x" * (MAX_EVENT_BYTES - 76))
    more = CanonicalEvent("one-more", "t", account, b"x" * (MAX_EVENT_BYTES - 75))

    (batch,) = batches([most])
    world.stream().put(batch)

    assert [len(body) + 76 for body in world.on_it()] == [MAX_EVENT_BYTES]
    with pytest.raises(EventTooLarge, match="event one-more has 1048577 bytes, the stream takes 1048576"):
        list(batches([more]))
    assert len(world.on_it()) == 1


def test_the_service_itself_refuses_more_than_is_promised_to_it(world: World) -> None:
    too_large = [{"Data": b"x" * (MAX_EVENT_BYTES + 1), "PartitionKey": "k"}]
    too_many = [{"Data": b"x", "PartitionKey": "k"}] * 501

    for entries in (too_large, too_many):
        with pytest.raises(world.client.exceptions.ClientError, match="ValidationException"):
            world.client.put_records(StreamName=world.name, Records=entries)
