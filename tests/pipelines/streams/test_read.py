"""Reading a shard in spite of expired iterators, throttled calls and malformed records."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError

from pipelines.streams.kinesis import KinesisStream
from pipelines.streams.kinesis_pages import parse_get_records
from pipelines.streams.records import rows
from pipelines.streams.shards import Position, Shard
from pipelines.streams.stream import StreamFault
from tests.pipelines.streams.scripted import ScriptedKinesis

SHARD = Shard("p")
EXPIRED, THROTTLED = "ExpiredIteratorException", "ProvisionedThroughputExceededException"


def a_shard_of(count: int, page: int = 10_000) -> ScriptedKinesis:
    client = ScriptedKinesis(page=page)
    client.add("p")
    for number in range(count):
        client.put("p", b"%d" % number, 1_000 + number)
    return client


def stream_of(client: ScriptedKinesis, sleep: Callable[[float], None] = lambda _: None) -> KinesisStream:
    return KinesisStream(client, "s", sleep)


def bodies(client: ScriptedKinesis, position: Position | None = None, until: int = 2**53) -> list[bytes]:
    pages = stream_of(client).read(SHARD, position or Position(), until)
    return [body for page in pages for body in page.bodies]


@pytest.mark.parametrize("seed", range(5))
def test_iterators_that_die_and_calls_that_are_refused_lose_and_double_nothing(seed: int) -> None:
    random = Random(seed)

    def trouble() -> None:
        drawn = random.random()
        if drawn < 0.6:
            raise ClientError({"Error": {"Code": THROTTLED if drawn < 0.5 else EXPIRED}}, "GetRecords")

    client = a_shard_of(200, page=7)
    client.before_get = trouble

    assert bodies(client) == [b"%d" % number for number in range(200)]
    assert client.calls.count("iterator AFTER_SEQUENCE_NUMBER") > 1


def test_an_iterator_that_dies_before_the_first_record_begins_where_it_began() -> None:
    client = a_shard_of(10)
    deaths = iter([True, False])

    def once() -> None:
        if next(deaths):
            raise ClientError({"Error": {"Code": EXPIRED}}, "GetRecords")

    client.before_get = once

    assert bodies(client, Position(at_ms=1_004))[0] == b"4"
    assert client.calls.count("iterator AT_TIMESTAMP") == 2


@pytest.mark.parametrize(("code", "fault"), [(EXPIRED, ClientError), (THROTTLED, StreamFault), ("Other", ClientError)])
def test_what_never_gets_better_is_given_up(code: str, fault: type[Exception]) -> None:
    client = a_shard_of(1)

    def always() -> None:
        raise ClientError({"Error": {"Code": code}}, "GetRecords")

    client.before_get = always

    with pytest.raises(fault, match=code):
        bodies(client)
    assert (
        len([call for call in client.calls if call.startswith("get ")]) == {EXPIRED: 6, THROTTLED: 21, "Other": 1}[code]
    )


def test_reading_stops_at_the_first_record_that_arrived_too_late_whatever_comes_behind_it() -> None:
    client = a_shard_of(0)
    for name, arrived in ((b"a", 10), (b"b", 30), (b"c", 20)):
        client.put("p", name, arrived)

    assert bodies(client, until=25) == [b"a"]
    assert bodies(client, Position("1000"), until=31) == [b"b", b"c"]


def test_an_empty_answer_in_the_middle_of_a_shard_is_not_its_end() -> None:
    client = a_shard_of(3)
    whole = client.get_records
    empties = iter([True, True, False])

    def get_records(**arguments: Any) -> dict[str, Any]:
        if next(empties, False):
            return {"Records": [], "NextShardIterator": arguments["ShardIterator"], "MillisBehindLatest": 5_000}
        return whole(**arguments)

    client.get_records = get_records  # type: ignore[method-assign]

    assert bodies(client) == [b"0", b"1", b"2"]


def test_the_answer_is_parsed_here_and_an_error_is_left_to_botocore() -> None:
    answer = {"status_code": 200, "body": b'{"Records": [], "MillisBehindLatest": 7}'}
    refusal = {"status_code": 400, "body": b'{"__type": "ExpiredIteratorException"}'}
    parsed: dict[str, Any] = {}
    untouched: dict[str, Any] = {}

    parse_get_records(answer, parsed)
    parse_get_records(refusal, untouched)

    assert (parsed, answer["body"]) == ({"Records": [], "MillisBehindLatest": 7}, b"{}")
    assert (untouched, refusal["body"]) == ({}, b'{"__type": "ExpiredIteratorException"}')


DEEP = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
HUGE = json.dumps({"text": "x" * (1024 * 1024 - 100)}).encode()


@pytest.mark.parametrize(
    ("body", "payload", "fault"),
    [
        (b'{"a": 1}', '{"a": 1}', None),
        ('{"a": "é"}'.encode(), '{"a": "é"}', None),
        (b'{"a": "\\u0000"}', '{"a": "\\u0000"}', None),
        (HUGE, HUGE.decode(), None),
        (b"", "", "empty"),
        (b"   ", "   ", "not JSON: "),
        (b"{", "{", "not JSON: "),
        (b'{"a": 1}{"b": 2}', '{"a": 1}{"b": 2}', "not JSON: "),
        (b'{"a": NaN}', '{"a": NaN}', "not JSON: "),
        (b'{"a": "\x00"}', '{"a": "\x00"}', "not JSON: "),
        (b"\x00", "\x00", "not JSON: "),
        (DEEP, DEEP.decode(), "not JSON: "),
        (b'{"a": "\\ud800"}', '{"a": "\\ud800"}', "not JSON: "),
        (b"[1]", "[1]", "not a JSON object"),
        (b"null", "null", "not a JSON object"),
        (b'"text"', '"text"', "not a JSON object"),
        (b"\xff\xfe", "base64://4=", "not UTF-8 at byte 0"),
        (b'{"a": "\xe9"}', "base64:eyJhIjogIukifQ==", "not UTF-8 at byte 7"),
        (b"\xf3\x89\x9a\xc2\x0a\x01", "base64:84mawgoB", "aggregated by the Kinesis Producer Library"),
    ],
)
def test_a_poison_record_is_a_row_with_its_fault_and_its_neighbours_are_whole(
    body: bytes, payload: str, fault: str | None
) -> None:
    found = rows(
        shard="p", generation=0, first=5, until=9, sequences=["1", "2", "3"], bodies=[b'{"x":1}', body, b'{"y":2}']
    ).to_pylist()

    assert [row["fault"] is None for row in found] == [True, fault is None, True]
    assert found[1]["payload"] == payload
    assert (found[1]["fault"] or "").startswith(fault or "")
    assert [(row["position"], row["sequence"], row["until"]) for row in found] == [
        (5, "1", 9),
        (6, "2", 9),
        (7, "3", 9),
    ]


@pytest.mark.parametrize(
    ("body", "event_type"),
    [
        (b'{"event_type":"account.v1"}', "account.v1"),
        (b'{"event_type":"x","event_type":"account.v1"}', "account.v1"),
        (b'{"event_type":7}', None),
        (b'{"event_type":null}', None),
        (b"{}", None),
        (b'["event_type"]', None),
        (b"{", None),
    ],
)
def test_a_record_tells_its_event_type_where_it_is_a_text(body: bytes, event_type: str | None) -> None:
    (found,) = rows(shard="p", generation=0, first=1, until=9, sequences=["1"], bodies=[body]).to_pylist()

    assert found["event_type"] == event_type


def test_orjson_gives_up_on_depth_as_on_any_other_fault() -> None:
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(b"[" * 100_000)
