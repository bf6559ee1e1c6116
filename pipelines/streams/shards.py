"""The shards of a stream: their parents and children, the order of reading, and positions in them.

A reshard closes shards and opens their children. The records of a key are first in the parent and then in a child, so
a child is read only after its parents were read to their end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a shard: after a record, or else at a time, or else at the oldest record available."""

    after: str | None = None
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard that still holds records; `parents` are those of its parents that do so too.

    The generation of a child is one more than the highest of its parents. A closed shard takes no more records.
    """

    shard_id: str
    generation: int = 0
    parents: tuple[str, ...] = ()
    is_open: bool = True


def by_generation(found: Mapping[str, tuple[Iterable[str], bool]]) -> list[Shard]:
    """Shards from (parents, is open) by id, parents before their children; a parent that is not listed has expired.

    >>> [shard.shard_id for shard in by_generation({"a": (["b"], True), "b": (["gone"], False)})]
    ['b', 'a']
    """
    parents = {shard_id: tuple(each for each in of if each in found) for shard_id, (of, _) in found.items()}
    generations: dict[str, int] = {}
    waiting = dict(parents)
    while waiting:
        ready = [shard_id for shard_id, of in waiting.items() if all(parent in generations for parent in of)]
        for shard_id in ready:
            generations[shard_id] = 1 + max((generations[parent] for parent in waiting.pop(shard_id)), default=-1)
    shards = [Shard(shard_id, generations[shard_id], of, found[shard_id][1]) for shard_id, of in parents.items()]
    return sorted(shards, key=lambda shard: (shard.generation, shard.shard_id))


def families(shards: Iterable[Shard], drained: frozenset[str]) -> list[list[Shard]]:
    """The shards that are not drained, grouped by parentage, parents first.

    Without a reshard in progress each shard is a family of its own, and all are read in parallel.

    >>> a, b, c = Shard("a", is_open=False), Shard("b"), Shard("c", 1, ("a",))
    >>> [[shard.shard_id for shard in family] for family in families([a, b, c], frozenset())]
    [['a', 'c'], ['b']]
    >>> [[shard.shard_id for shard in family] for family in families([a, b, c], frozenset({"a"}))]
    [['b'], ['c']]
    """
    of_shard: dict[str, list[Shard]] = {}
    for shard in shards:
        if shard.shard_id in drained:
            continue
        joined = [shard]
        for parent in shard.parents:
            if parent in of_shard and not any(each.shard_id == parent for each in joined):
                joined = [*of_shard[parent], *joined]
        for each in joined:
            of_shard[each.shard_id] = joined
    distinct = {id(family): family for family in of_shard.values()}
    return [sorted(family, key=lambda shard: (shard.generation, shard.shard_id)) for family in distinct.values()]
