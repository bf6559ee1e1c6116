"""Vectors in PostgreSQL: written in bulk by a pipeline, read with one statement by a decision."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from psycopg import Connection, connect

from features.batch import batches_of_vectors
from features.postgres_publications import PostgresPublications
from features.publication import Sources
from features.vector import FeatureVector

# Reads the active version and its vectors in one statement, so that a change of the pointer meanwhile is seen wholly or
# not at all. Takes the entity's newest moment that has come, and the version's newest vector of it.
_LATEST = """
SELECT asked.place, v.as_of, v.observed_until, v.observed, s.source_names, s.feature_names, v.feature_values,
       o.snapshot_ids, v.version
  FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS asked (entity_id, digest, place)
  JOIN features.feature_sets s ON s.digest = asked.digest
  JOIN features.publications p ON p.version = s.active_version
 CROSS JOIN LATERAL (
       SELECT * FROM features.vectors v
        WHERE v.set_id = s.set_id AND v.entity_id = asked.entity_id AND v.as_of <= %s
          AND v.version <= p.version AND v.version <> ALL (p.abandoned)
        ORDER BY v.as_of DESC, v.version DESC LIMIT 1) v
  JOIN features.provenances o ON o.provenance_id = v.provenance_id
"""


@contextmanager
def vector_store(database_url: str) -> Iterator["PostgresVectors"]:
    """The store on its own connection, for an act in one database transaction: committed if no exception is raised."""
    with connect(database_url) as connection:
        yield PostgresVectors(connection)


class PostgresVectors(PostgresPublications):
    """A VectorStore and its Publications in PostgreSQL. It never commits; the owner of the connection does."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    def publish(self, vectors: Iterable[FeatureVector]) -> int:
        given = list(vectors)
        names = {digest: self._names(digest) for digest in {vector.digest for vector in given}}
        batches = batches_of_vectors(given, names)
        return sum(self.hand_over(batch, "refresh", Sources()).changed for batch in batches)

    def latest(self, entity_id: str, digest: str, as_of: datetime) -> FeatureVector | None:
        (vector,) = self.latest_all([(entity_id, digest)], as_of)
        return vector

    def latest_all(self, asked: Sequence[tuple[str, str]], as_of: datetime) -> list[FeatureVector | None]:
        entities, digests = [entity_id for entity_id, _ in asked], [digest for _, digest in asked]
        found: list[FeatureVector | None] = [None] * len(asked)
        rows = self._connection.execute(_LATEST, (entities, digests, as_of), prepare=True, binary=True)
        for place, moment, observed_until, observed, sources, names, values, snapshot_ids, version in rows:
            entity_id, digest = asked[place - 1]
            found[place - 1] = FeatureVector(
                entity_id=entity_id,
                digest=digest,
                as_of=moment.astimezone(UTC),
                observed_until=_utc(observed_until),
                values=dict(zip(names, values, strict=True)),
                snapshot_ids=snapshot_ids,
                observed=dict(zip(sources, map(_utc, observed or ()), strict=False)),
                version=version,
            )
        return found

    def forget(self, entity_ids: Collection[str]) -> int:
        sets = "set_id = ANY (ARRAY(SELECT set_id FROM features.feature_sets))"  # for the index, which begins with it
        delete = f"DELETE FROM features.vectors WHERE {sets} AND entity_id = ANY (%s)"  # noqa: S608 - of constants
        return self._connection.execute(delete, (list(entity_ids),)).rowcount


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
