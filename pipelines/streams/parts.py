"""Split a batch of the stream into parts that are read in parallel, and read the rows of a part.

A part is a single shard or, during a reshard, a family of shards with each child after its parents. Parents that the
lake has read to their end are left out, so that a reshard slows down only the batches during which it happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from pipelines.streams.kinesis import KinesisStream
from pipelines.streams.records import rows
from pipelines.streams.shards import Position, Shard, families


@dataclass(frozen=True, slots=True)
class Part:
    """Shards to be read one after the other, parents first, at most `share` records of each."""

    shards: tuple[tuple[Shard, Position], ...]
    share: int | None
    until: int


def parts(stream: KinesisStream, positions: Mapping[Shard, Position], share: int | None, until: int) -> list[Part]:
    """The parts of the batch that ends at `until`, each shard from its position; `positions` lists parents first."""
    drained: set[str] = set()
    for shard, position in positions.items():
        # A closed shard without any record is drained, but still links its parents with its children.
        are_parents_drained = drained.issuperset(shard.parents)
        if not shard.is_open and are_parents_drained and stream.peek(shard.shard_id, position).is_drained:
            drained.add(shard.shard_id)
    return [
        Part(tuple((shard, positions[shard]) for shard in family), share, until)
        for family in families(positions, frozenset(drained))
    ]


def read_part(stream: KinesisStream, part: Part) -> Iterator[pa.RecordBatch]:
    """The rows of the part; a child's rows only after each of its parents was read to its end.

    Arrival times cannot replace this rule: a record of a child may have an earlier one than records of its parent.
    """
    left_over: set[str] = set()
    for shard, position in part.shards:
        left_over.add(shard.shard_id)
        if left_over.intersection(shard.parents):
            continue
        first = 1
        for page in stream.read(shard, position, part.until, part.share):
            if page:
                yield rows(
                    shard=shard.shard_id,
                    generation=shard.generation,
                    first=first,
                    until=part.until,
                    sequences=page.sequences,
                    bodies=page.bodies,
                )
            first += len(page)
            if page.ends_shard:
                left_over.discard(shard.shard_id)
