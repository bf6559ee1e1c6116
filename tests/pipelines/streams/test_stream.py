"""A stream takes batches; one suite over the stream in memory and over Kinesis."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipelines.settings import Settings
from pipelines.sources.source import MAX_EVENT_BYTES, CanonicalEvent
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.memory import MemoryStream
from pipelines.streams.shards import Position, Shard
from pipelines.streams.stream import EventTooLarge, Stream, StreamFault, batches

Drained = Callable[[], list[tuple[str, bytes]]]


def an_event(number: int, size: int = 10, account_id: str = "808") -> CanonicalEvent:
    return CanonicalEvent(f"e{number}", "bank_transaction.v1", account_id, f"{number:06}".encode().ljust(size, b" "))


@pytest.fixture(params=["memory", "kinesis"])
def opened(request: pytest.FixtureRequest) -> tuple[Stream, Callable[[], list[bytes]]]:
    """A stream and a way to see everything on it, shard by shard."""
    if request.param == "memory":
        memory = MemoryStream()
        return memory, lambda: [event.body for event in memory.events]
    settings = Settings.from_environment(request.getfixturevalue("lake_environment"))
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    already = {shard.shard_id: _last(stream, shard) for shard in stream.shards()}

    def everything() -> list[bytes]:
        until = 2**53
        return [
            body
            for shard in stream.shards()
            for page in stream.read(shard, already[shard.shard_id], until)
            for body in page.bodies
        ]

    return stream, everything


def _last(stream: KinesisStream, shard: Shard) -> Position:
    sequences = [each for page in stream.read(shard, Position(), 2**53) for each in page.sequences]
    return Position(sequences[-1] if sequences else None)


def test_what_is_put_is_on_the_stream_in_the_order_of_its_account(
    opened: tuple[Stream, Callable[[], list[bytes]]],
) -> None:
    stream, everything = opened
    stream.check()
    events = [an_event(number) for number in range(1200)]

    assert [stream.put(batch) for batch in batches(events)] == [0, 0, 0]
    assert everything() == [event.body for event in events]


def test_batches_are_at_most_500_events_and_five_mebibytes() -> None:
    small = list(batches(an_event(number) for number in range(1001)))
    large = list(batches(an_event(number, size=MAX_EVENT_BYTES - 3) for number in range(7)))

    assert [len(batch) for batch in small] == [500, 500, 1]
    assert [len(batch) for batch in large] == [5, 2]


def test_an_event_larger_than_the_stream_takes_is_named_before_its_batch_is_sent() -> None:
    cut = batches([an_event(1), an_event(2, size=MAX_EVENT_BYTES - 2)])

    with pytest.raises(EventTooLarge, match="event e2 has 1048577 bytes, the stream takes 1048576"):
        next(cut)


def test_a_shard_is_read_up_to_the_first_record_that_arrived_too_late(lake_environment: Mapping[str, str]) -> None:
    settings = Settings.from_environment(lake_environment)
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    stream.put([an_event(number, account_id="reader") for number in range(6)])
    shard, page = next(
        (shard, page)
        for shard in stream.shards()
        for page in stream.read(shard, Position(), 2**53)
        if page.bodies[-1].startswith(b"000005")
    )
    third = Position(page.sequences[-4])

    (behind,) = stream.read(shard, third, 2**53)
    nothing = list(stream.read(shard, third, behind.arrived_ms[0]))
    at_most = list(stream.read(shard, third, 2**53, at_most=2))

    assert [body[:6] for body in behind.bodies] == [b"000003", b"000004", b"000005"]
    assert nothing == []
    assert [body[:6] for page in at_most for body in page.bodies] == [b"000003", b"000004"]


def test_an_absent_stream_is_named_with_its_setting(lake_environment: Mapping[str, str]) -> None:
    settings = Settings.from_environment({**lake_environment, "TRANCHE_STREAM": "nowhere"})

    with pytest.raises(StreamFault, match=r"no stream nowhere at .* TRANCHE_STREAM"):
        KinesisStream(client(settings), settings.stream, time.sleep).check()


def test_an_endpoint_that_does_not_answer_is_named_with_its_setting(aws_environment: Mapping[str, str]) -> None:
    settings = Settings.from_environment({**aws_environment, "TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:1"})

    with pytest.raises(StreamFault, match="TRANCHE_AWS_ENDPOINT"):
        KinesisStream(client(settings), settings.stream, lambda _: None).check()


class MoodyClient:
    """Answers put_records with what the test lists: per call the places that fail, or a code for the whole call."""

    def __init__(self, moods: Iterator[list[int] | str]) -> None:
        self._moods = moods
        self.calls: list[list[bytes]] = []

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        mood = next(self._moods)
        self.calls.append([entry["Data"] for entry in Records])
        if isinstance(mood, str):
            raise ClientError({"Error": {"Code": mood}}, f"PutRecords to {StreamName}")
        throttled = {"ErrorCode": "ProvisionedThroughputExceededException"}
        outcomes = [throttled if at in mood else {"SequenceNumber": "1"} for at in range(len(Records))]
        return {"FailedRecordCount": len(mood), "Records": outcomes}


def test_only_failed_entries_are_sent_again_with_growing_patience() -> None:
    waits: list[float] = []
    moody = MoodyClient(iter([[1, 3], "ProvisionedThroughputExceededException", [0, 1], []]))
    events = [an_event(number) for number in range(4)]

    again = KinesisStream(moody, "s", waits.append, jitter=lambda: 1.0).put(events)

    one, three = events[1].body, events[3].body
    assert moody.calls == [[event.body for event in events], [one, three], [one, three], [one, three]]
    assert again == 6
    assert waits == sorted(waits)
    assert waits[0] < waits[-1] <= 5.0


def test_a_stream_that_never_takes_an_event_is_given_up_by_name() -> None:
    waits: list[float] = []
    moody = MoodyClient(iter([[0]] * 100))

    with pytest.raises(StreamFault, match="stream s refused 1 events 21 times: ProvisionedThroughput"):
        KinesisStream(moody, "s", waits.append, jitter=lambda: 1.0).put([an_event(1)])

    assert max(waits) == 5.0
