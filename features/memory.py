"""Vectors in memory, for tests and examples."""

from collections.abc import Collection, Iterable
from datetime import datetime

from features.store import OtherFeatures
from features.vector import FeatureVector


class MemoryVectors:
    """A VectorStore that lives as long as its process."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}
        self._vectors: dict[tuple[str, str], dict[datetime, FeatureVector]] = {}

    def publish(self, vectors: Iterable[FeatureVector]) -> int:
        fresh = list(vectors)
        names = dict(self._names)
        for vector in fresh:
            expected = names.setdefault(vector.digest, set(vector.values))
            if expected != set(vector.values):
                raise OtherFeatures(
                    vector.entity_id, vector.digest, expected - set(vector.values), set(vector.values) - expected
                )
        self._names = names
        changed = 0
        for vector in fresh:
            kept = self._vectors.setdefault((vector.entity_id, vector.digest), {})
            changed += kept.get(vector.as_of) != vector
            kept[vector.as_of] = vector
        return changed

    def latest(self, entity_id: str, digest: str, as_of: datetime) -> FeatureVector | None:
        kept = self._vectors.get((entity_id, digest), {})
        newest = max((moment for moment in kept if moment <= as_of), default=None)
        return None if newest is None else kept[newest]

    def forget(self, entity_ids: Collection[str]) -> int:
        gone = [key for key in self._vectors if key[0] in set(entity_ids)]
        return sum(len(self._vectors.pop(key)) for key in gone)
