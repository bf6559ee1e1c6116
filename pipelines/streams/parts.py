"""A batch of the stream in parts that are read side by side, and the rows of a part.

A part is a family of shards: a child behind its parents where a reshard is at work, a single shard otherwise. Parents
that the lake has read to their end are left out, so that a reshard slows no more than the batches that it falls into.
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
    """Shards that are read one after the other, parents first, at most `share` records of each."""

    shards: tuple[tuple[Shard, Position], ...]
    share: int | None
    until: int


def parts(stream: KinesisStream, positions: Mapping[Shard, Position], share: int | None, until: int) -> list[Part]:
    """The parts of the batch that ends at `until`, each shard from its position on; `positions` has parents first."""
    drained: set[str] = set()
    for shard, position in positions.items():
        # One that never had a record is drained from its birth, and still stands between its parents and its children.
        are_parents_drained = drained.issuperset(shard.parents)
        if not shard.is_open and are_parents_drained and stream.peek(shard.shard_id, position).is_drained:
            drained.add(shard.shard_id)
    return [
        Part(tuple((shard, positions[shard]) for shard in family), share, until)
        for family in families(positions, frozenset(drained))
    ]


def read_part(stream: KinesisStream, part: Part) -> Iterator[pa.RecordBatch]:
    """The part's rows; a child's only when each of its parents is read to its end.

    Arrival times tell nothing here: a child's record may bear an earlier one than what is left in its parent.
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
