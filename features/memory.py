"""Vectors in memory, for tests and examples."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from features.batch import OtherFeatures, VectorBatch, batches_of_vectors, feature_vectors
from features.publication import KEEP, Handed, Kind, NoSuchVersion, Publication, Sources, before, oldest_kept
from features.vector import FeatureVector

_AT = datetime(2026, 1, 1, tzinfo=UTC)  # the in-memory store has no clock

Key = tuple[str, datetime]
Moments = dict[Key, FeatureVector]


@dataclass(slots=True)
class _Set:
    """One feature set: its names, its versions with all their vectors, and the active version."""

    names: tuple[str, ...]
    versions: dict[int, tuple[Publication, Moments]] = field(default_factory=dict)
    active: int | None = None
    refreshed: set[tuple[Key, int | None]] = field(default_factory=set)

    @property
    def held(self) -> Moments:
        return {} if self.active is None else self.versions[self.active][1]


class MemoryVectors:
    """A VectorStore and its Publications, lost when the process ends."""

    def __init__(self) -> None:
        self._sets: dict[str, _Set] = {}
        self._count = 0

    def publish(self, vectors: Iterable[FeatureVector]) -> int:
        batches = batches_of_vectors(vectors, {digest: of.names for digest, of in self._sets.items()})
        return sum(self.hand_over(batch, "refresh", Sources()).changed for batch in batches)

    def latest(self, entity_id: str, digest: str, as_of: datetime) -> FeatureVector | None:
        held = self._sets[digest].held if digest in self._sets else {}
        newest = max((moment for entity, moment in held if entity == entity_id and moment <= as_of), default=None)
        return None if newest is None else held[entity_id, newest]

    def latest_all(self, asked: Sequence[tuple[str, str]], as_of: datetime) -> list[FeatureVector | None]:
        return [self.latest(entity_id, digest, as_of) for entity_id, digest in asked]

    def forget(self, entity_ids: Collection[str]) -> int:
        gone = set()
        for of in self._sets.values():
            for version, (publication, held) in of.versions.items():
                kept = {key: vector for key, vector in held.items() if key[0] not in entity_ids}
                gone |= {(vector.digest, vector.version, *key) for key, vector in held.items() if key not in kept}
                of.versions[version] = (publication, kept)
        return len(gone)

    def hand_over(self, batch: VectorBatch, kind: Kind, sources: Sources) -> Handed:
        of = self._sets.setdefault(batch.digest, _Set(batch.names))
        vectors = feature_vectors(batch)
        if set(of.names) != set(batch.names):
            missing, unknown = set(of.names) - set(batch.names), set(batch.names) - set(of.names)
            raise OtherFeatures(vectors[0].entity_id if vectors else "nobody", batch.digest, missing, unknown)
        content_hash = hashlib.sha256(repr(vectors).encode()).hexdigest()
        base = None if of.active is None else of.versions[of.active][0]
        if base is not None and kind == "refresh" and sources.behind(base.watermark):
            return Handed(base.version, len(batch), 0, content_hash, outdated=True)
        watermark = sources.onto(base.watermark if base else {})
        changed = {
            key: vector for vector in vectors if _is_new(of, key := (vector.entity_id, vector.as_of), vector, kind)
        }
        if not changed:
            if base is not None:
                of.versions[base.version] = (replace(base, watermark=watermark), of.held)
            return Handed(of.active, len(batch), 0, content_hash)
        self._count += 1
        publication = Publication(
            version=self._count,
            entity=batch.entity,
            digest=batch.digest,
            kind=kind,
            based_on=of.active,
            snapshot_ids=dict(sources.snapshot_ids),
            watermark=watermark,
            vectors=len(batch),
            changed=len(changed),
            content_hash=content_hash,
            created_at=_AT,
            activated_at=_AT,
            active=True,
        )
        brought = {key: replace(vector, version=self._count) for key, vector in changed.items()}
        if kind == "refresh":
            of.refreshed |= {(key, self._count) for key in brought if _is_refreshed(of, key) is not False}
        of.versions[self._count] = (publication, {**of.held, **brought})
        of.active = self._count
        return Handed(self._count, len(batch), len(changed), content_hash)

    def publications(self, digest: str | None = None) -> list[Publication]:
        found = [
            replace(publication, active=version == of.active)
            for each, of in self._sets.items()
            if digest in (None, each)
            for version, (publication, _) in of.versions.items()
        ]
        return sorted(found, key=lambda each: each.version, reverse=True)

    def active(self, digest: str) -> Publication | None:
        return next((each for each in self.publications(digest) if each.active), None)

    def roll_back(self, digest: str, to: int | None = None) -> Publication:
        known = {each.version: each for each in self.publications(digest)}
        wanted = before(known.values()) if to is None else to
        if wanted not in known:
            sought = "version before the active one" if to is None else f"version {to}"
            raise NoSuchVersion(sought, digest, sorted(known))
        self._sets[digest].active = wanted
        return replace(known[wanted], active=True)

    def prune(self, digest: str, keep: int = KEEP) -> int:
        known = self.publications(digest)
        oldest = oldest_kept(known, keep)
        if oldest is None:
            return 0
        of = self._sets[digest]
        before_it = _rows(of)
        kept = {version: each for version, each in of.versions.items() if version >= oldest}
        newest: dict[str, datetime] = {}
        for entity_id, moment in kept[oldest][1]:
            newest[entity_id] = max(moment, newest.get(entity_id, moment))
        of.versions = {
            version: (
                each,
                {key: vector for key, vector in held.items() if not _has_passed(of, key, vector, newest, oldest)},
            )
            for version, (each, held) in kept.items()
        }
        return len(before_it - _rows(of))


def _rows(of: _Set) -> set[tuple[Key, int | None]]:
    """The rows that a database would hold: each vector once, however many versions see it."""
    return {(key, vector.version) for _, held in of.versions.values() for key, vector in held.items()}


def _is_refreshed(of: _Set, key: Key) -> bool | None:
    """Whether the active vector of that moment came from a refresh; None if there is none."""
    return (key, of.held[key].version) in of.refreshed if key in of.held else None


def _is_new(of: _Set, key: Key, vector: FeatureVector, kind: Kind) -> bool:
    return of.held.get(key) != vector or (kind == "whole" and _is_refreshed(of, key) is True)


def _has_passed(of: _Set, key: Key, vector: FeatureVector, newest: dict[str, datetime], oldest: int) -> bool:
    assert vector.version is not None
    later = newest.get(key[0])
    return (key, vector.version) in of.refreshed and vector.version < oldest and later is not None and later > key[1]
