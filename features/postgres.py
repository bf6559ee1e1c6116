"""Vectors in PostgreSQL: written in bulk by a pipeline, read with one statement by a decision."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from psycopg import Connection, connect
from psycopg.types.json import Jsonb

from features.store import OtherFeatures
from features.vector import FeatureVector

_LATEST = """
SELECT v.as_of, v.observed_until, s.feature_names, v.feature_values, v.snapshot_ids
  FROM features.vectors v JOIN features.feature_sets s USING (digest)
 WHERE v.entity_id = %s AND v.digest = %s AND v.as_of <= %s
 ORDER BY v.as_of DESC LIMIT 1
"""

_KEEP_NAMES = "INSERT INTO features.feature_sets (digest, feature_names) VALUES (%s, %s) ON CONFLICT DO NOTHING"

_KEEP = """
INSERT INTO features.vectors AS kept
SELECT DISTINCT ON (entity_id, digest, as_of) * FROM arriving_vectors
    ON CONFLICT (entity_id, digest, as_of) DO UPDATE
   SET observed_until = excluded.observed_until, feature_values = excluded.feature_values,
       snapshot_ids = excluded.snapshot_ids
 WHERE (kept.observed_until, kept.feature_values, kept.snapshot_ids)
       IS DISTINCT FROM (excluded.observed_until, excluded.feature_values, excluded.snapshot_ids)
"""


@contextmanager
def connected(database_url: str) -> Iterator["PostgresVectors"]:
    """The store on a connection of its own, for an act that is one transaction: committed when all went well."""
    with connect(database_url) as connection:
        yield PostgresVectors(connection)


class PostgresVectors:
    """A VectorStore in the schema `features`. It never commits: whoever opened the connection does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def publish(self, vectors: Iterable[FeatureVector]) -> int:
        names: dict[str, list[str]] = {}
        rows = []
        for vector in vectors:
            if vector.digest not in names:
                names[vector.digest] = self._names(vector.digest) or list(vector.values)
            rows.append(_row(vector, names[vector.digest]))
        with self._connection.cursor() as cursor:
            cursor.executemany(_KEEP_NAMES, list(names.items()))
            cursor.execute("DROP TABLE IF EXISTS pg_temp.arriving_vectors")
            cursor.execute("CREATE TEMPORARY TABLE arriving_vectors (LIKE features.vectors)")
            with cursor.copy("COPY arriving_vectors FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return cursor.execute(_KEEP).rowcount

    def latest(self, entity_id: str, digest: str, as_of: datetime) -> FeatureVector | None:
        row = self._connection.execute(_LATEST, (entity_id, digest, as_of)).fetchone()
        if row is None:
            return None
        moment, observed_until, names, values, snapshot_ids = row
        return FeatureVector(
            entity_id=entity_id,
            digest=digest,
            as_of=moment.astimezone(UTC),
            observed_until=None if observed_until is None else observed_until.astimezone(UTC),
            values=dict(zip(names, values, strict=True)),
            snapshot_ids=snapshot_ids,
        )

    def forget(self, entity_ids: Collection[str]) -> int:
        delete = "DELETE FROM features.vectors WHERE entity_id = ANY(%s)"
        return self._connection.execute(delete, (list(entity_ids),)).rowcount

    def _names(self, digest: str) -> list[str] | None:
        select = "SELECT feature_names FROM features.feature_sets WHERE digest = %s"
        row = self._connection.execute(select, (digest,)).fetchone()
        return None if row is None else row[0]


def _row(vector: FeatureVector, names: list[str]) -> tuple[object, ...]:
    if set(vector.values) != set(names):
        missing, unknown = set(names) - set(vector.values), set(vector.values) - set(names)
        raise OtherFeatures(vector.entity_id, vector.digest, missing, unknown)
    values = [vector.values[name] for name in names]
    return (
        vector.entity_id,
        vector.digest,
        vector.as_of,
        vector.observed_until,
        values,
        Jsonb(dict(vector.snapshot_ids)),
    )
