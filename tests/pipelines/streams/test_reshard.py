"""During any reshard each record is read once, and the records of a key in the order in which they were put."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.streams.kinesis import KinesisStream
from pipelines.streams.parts import parts, read_part
from pipelines.streams.shards import Position, Shard, by_generation, families
from tests.pipelines.streams.scripted import ScriptedKinesis

MARGIN_MS = 2_000


def stream_of(client: ScriptedKinesis) -> KinesisStream:
    return KinesisStream(client, "s", lambda _: None)


@dataclass
class Reader:
    """What the lake does, without a lake: takes a batch and keeps where each shard stopped."""

    client: ScriptedKinesis
    share: int | None = None
    stops: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)

    def batch(self, until: int) -> list[tuple[str, bytes]]:
        """Take the batch; the shard and body of each row."""
        found = self.rows(until)
        for shard, sequence, _ in found:
            self.stops[shard] = sequence
        listed = {shard.shard_id for shard in stream_of(self.client).shards()}
        self.stops = {shard: stop for shard, stop in self.stops.items() if shard in listed}
        bodies = [(shard, body) for shard, _, body in found]
        self.taken += bodies
        self.batches.append(len(bodies))
        return bodies

    def rows(self, until: int) -> list[tuple[str, str, bytes]]:
        """The rows of the batch, as the lake orders them: older generations first."""
        stream = stream_of(self.client)
        positions = {shard: Position(self.stops.get(shard.shard_id)) for shard in stream.shards()}
        rows = [
            (row["generation"], row["shard"], row["position"], row["sequence"], row["payload"].encode())
            for part in parts(stream, positions, self.share, until)
            for batch in read_part(stream, part)
            for row in batch.to_pylist()
        ]
        return [(shard, sequence, body) for _, shard, _, sequence, body in sorted(rows)]


def test_a_child_waits_while_its_parent_has_a_record_that_arrived_too_late() -> None:
    """The two arrival times come from two machines, so the child's record may bear the earlier one."""
    client = ScriptedKinesis()
    client.add("p")
    client.put("p", b"1", 1_000)
    client.put("p", b"2", 2_100)
    client.add("c", "p")
    client.put("c", b"3", 1_900)
    reader = Reader(client)

    assert reader.batch(2_000) == [("p", b"1")]
    assert reader.batch(3_000) == [("p", b"2"), ("c", b"3")]


def test_a_child_of_two_waits_for_both() -> None:
    client = ScriptedKinesis()
    client.add("a")
    client.add("b")
    client.put("a", b"1", 1_000)
    client.put("b", b"2", 5_000)
    client.add("c", "a", "b")
    client.put("c", b"3", 1_500)
    reader = Reader(client)

    assert reader.batch(2_000) == [("a", b"1")]
    assert reader.batch(6_000) == [("b", b"2"), ("c", b"3")]


def test_a_grandchild_waits_for_what_is_left_above_an_empty_parent() -> None:
    client = ScriptedKinesis()
    client.add("p")
    client.put("p", b"1", 2_100)
    client.add("c", "p")
    client.add("g", "c")
    client.put("g", b"2", 1_900)
    reader = Reader(client)

    assert reader.batch(2_000) == []
    assert reader.batch(3_000) == [("p", b"1"), ("g", b"2")]


def test_a_child_waits_while_its_parent_has_more_than_its_share_of_a_batch() -> None:
    client = ScriptedKinesis()
    client.add("p")
    for number in range(5):
        client.put("p", b"%d" % number, 1_000)
    client.add("c", "p")
    client.put("c", b"5", 1_000)
    reader = Reader(client, share=2)

    found = [reader.batch(until) for until in (2_000, 2_001, 2_002)]

    assert [[body for _, body in batch] for batch in found] == [[b"0", b"1"], [b"2", b"3"], [b"4", b"5"]]


def test_a_parent_that_expired_unread_or_read_holds_nobody_up_and_its_stop_is_let_go() -> None:
    client = ScriptedKinesis()
    client.add("p")
    client.put("p", b"1", 1_000)
    client.add("c", "p")
    client.put("c", b"2", 1_100)
    reader = Reader(client)
    reader.batch(2_000)
    assert set(reader.stops) == {"p", "c"}
    del client.shards["p"]
    client.put("c", b"3", 2_500)

    assert reader.batch(3_000) == [("c", b"3")]
    assert set(reader.stops) == {"c"}


def test_once_drained_a_parent_is_left_out_and_its_children_are_read_side_by_side() -> None:
    client = ScriptedKinesis()
    client.add("p")
    client.put("p", b"1", 1_000)
    client.add("c", "p")
    client.add("d", "p")
    stream = stream_of(client)
    shards = stream.shards()

    def sizes(stops: dict[str, str]) -> list[int]:
        positions = {shard: Position(stops.get(shard.shard_id)) for shard in shards}
        return [len(part.shards) for part in parts(stream, positions, None, 2_000)]

    assert sizes({}) == [3]
    assert sizes({"p": "1000"}) == [1, 1]


@pytest.mark.parametrize("page", [1, 2, 10_000])
def test_a_closed_shard_is_drained_however_its_pages_fall(page: int) -> None:
    client = ScriptedKinesis(page=page)
    client.add("p")
    for number in range(4):
        client.put("p", b"%d" % number, 1_000)
    client.add("c", "p")
    client.put("c", b"4", 1_000)

    assert [body for _, body in Reader(client).batch(2_000)] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_shard_that_expires_between_the_list_and_the_reading_holds_nothing() -> None:
    client = ScriptedKinesis()
    client.add("p")
    client.add("c", "p")
    client.put("c", b"1", 1_000)
    stream = stream_of(client)
    positions = dict.fromkeys(stream.shards(), Position())
    del client.shards["p"]

    rows = [
        row["payload"]
        for part in parts(stream, positions, None, 2_000)
        for each in read_part(stream, part)
        for row in each.to_pylist()
    ]

    assert rows == ["1"]


def test_a_merge_ties_the_families_of_both_parents() -> None:
    a, b, c, d = Shard("a"), Shard("b"), Shard("c", 1, ("a",)), Shard("d", 2, ("c", "b"))

    assert [[shard.shard_id for shard in family] for family in families([a, b, c, d], frozenset())] == [
        ["a", "b", "c", "d"]
    ]


def test_generations_of_a_ladder_of_merges_and_splits_are_found_at_once() -> None:
    """Each rung has two parents on the rung below; walking every path would take 2 to the power of 60 steps."""
    rungs = {f"{rung}{side}": ([f"{rung - 1}a", f"{rung - 1}b"], True) for rung in range(60) for side in "ab"}

    assert by_generation(rungs)[-1].generation == 59


KEYS = "abcdefgh"


@dataclass
class World:
    """A stream under load that is resharded while the lake reads it; the clocks of its shards differ."""

    client: ScriptedKinesis
    random: Random
    clock_ms: int = 1_000_000
    ranges: dict[str, str] = field(default_factory=dict)
    skew: dict[str, int] = field(default_factory=dict)
    put_order: dict[str, list[bytes]] = field(default_factory=dict)

    def open(self, keys: str, *parents: str) -> None:
        shard_id = f"shard-{len(self.client.shards):03}"
        self.client.add(shard_id, *parents)
        self.ranges[shard_id] = keys
        self.skew[shard_id] = self.random.randint(-900, 900)

    def put(self) -> None:
        key = self.random.choice(KEYS)
        shard_id = next(each for each, keys in self.ranges.items() if key in keys)
        body = b"%s%d" % (key.encode(), len(self.put_order.setdefault(key, [])))
        self.put_order[key].append(body)
        arrived = self.clock_ms + self.skew[shard_id] + self.random.randint(-90, 90)
        self.client.put(shard_id, body, arrived)

    def split(self) -> None:
        large = [each for each, keys in self.ranges.items() if len(keys) > 1]
        if large:
            parent = self.random.choice(large)
            keys = self.ranges.pop(parent)
            at = self.random.randint(1, len(keys) - 1)
            self.open(keys[:at], parent)
            self.open(keys[at:], parent)

    def merge(self) -> None:
        if len(self.ranges) > 1:
            one, other = self.random.sample(sorted(self.ranges), 2)
            self.open(self.ranges.pop(one) + self.ranges.pop(other), one, other)


@given(
    seed=st.integers(0, 2**32),
    acts=st.lists(st.sampled_from(["put", "put", "put", "split", "merge", "batch", "cut off"]), max_size=60),
    share=st.sampled_from([None, 1, 3]),
    page=st.sampled_from([1, 2, 10_000]),
)
def test_any_reshards_any_batches_each_record_once_and_each_key_in_order(
    seed: int, acts: list[str], share: int | None, page: int
) -> None:
    world = World(ScriptedKinesis(page=page), Random(seed))
    world.open(KEYS[:4])
    world.open(KEYS[4:])
    reader = Reader(world.client, share)
    cut_off: tuple[int, list[tuple[str, str, bytes]]] | None = None
    do: dict[str, Callable[[], None]] = {"put": world.put, "split": world.split, "merge": world.merge}
    for act in acts:
        world.clock_ms += world.random.randint(0, 400)
        if act in do:
            do[act]()
        elif act == "cut off":
            # Read and then killed: what is read again must be the same, whatever happened to the stream meanwhile.
            until = world.clock_ms - MARGIN_MS
            cut_off = (until, reader.rows(until)) if cut_off is None else cut_off
        elif cut_off is not None:
            assert reader.rows(cut_off[0]) == cut_off[1]
            reader.batch(cut_off[0])
            cut_off = None
        else:
            reader.batch(world.clock_ms - MARGIN_MS)
    total = sum(len(bodies) for bodies in world.put_order.values())
    if cut_off is not None:
        assert reader.rows(cut_off[0]) == cut_off[1]
    for _ in range(2 * total + 2):
        world.clock_ms += MARGIN_MS
        reader.batch(world.clock_ms)

    taken = {key: [body for _, body in reader.taken if body[:1] == key.encode()] for key in world.put_order}
    assert taken == world.put_order
