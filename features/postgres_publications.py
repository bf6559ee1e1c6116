"""Versions of vectors in PostgreSQL: made in one transaction, activated and rolled back by moving one pointer."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from features.batch import OtherFeatures, VectorBatch
from features.publication import KEEP, Handed, Kind, NoSuchVersion, Publication, Sources, Watermark, before, oldest_kept

_KEEP_SET = """
INSERT INTO features.feature_sets (digest, feature_names, entity, source_names) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""

# Making, activating or pruning a version locks the set's row; readers do not wait for it.
_LOCK = """
SELECT s.set_id, s.active_version, p.abandoned, p.watermark
  FROM features.feature_sets s LEFT JOIN features.publications p ON p.version = s.active_version
 WHERE s.digest = %s FOR UPDATE OF s
"""

_ARRIVING = """
CREATE TEMPORARY TABLE arriving_vectors (
    entity_id text, as_of timestamptz, observed_until timestamptz, observed timestamptz[], provenance integer,
    feature_values double precision[]
) ON COMMIT DROP
"""

_PROVENANCE = """
WITH added AS (
    INSERT INTO features.provenances (snapshot_ids) VALUES (%(ids)s) ON CONFLICT DO NOTHING RETURNING provenance_id
)
SELECT provenance_id FROM added UNION ALL
SELECT provenance_id FROM features.provenances WHERE snapshot_ids = %(ids)s
"""

_NEW_VERSION = """
INSERT INTO features.publications (set_id, kind, based_on, abandoned, snapshot_ids, watermark, vectors, changed,
                                   content_hash)
SELECT %(set_id)s, %(kind)s, nullif(%(base)s::bigint, 0),
       %(abandoned)s::bigint[] || ARRAY(SELECT version FROM features.publications
                                         WHERE set_id = %(set_id)s AND version > %(base)s),
       %(snapshot_ids)s, %(watermark)s, %(vectors)s, 0, %(content_hash)s
RETURNING version
"""

# A vector that equals the base's vector of the same moment is not written again. A whole publication takes over the
# vectors of a refresh, so that pruning keeps them; a refresh that corrects a moment of a whole one leaves it whole.
_ADD = """
INSERT INTO features.vectors (set_id, entity_id, as_of, version, provenance_id, refreshed, observed_until, observed,
                              feature_values)
SELECT %(set_id)s, a.entity_id, a.as_of, %(version)s, (%(provenances)s::integer[])[a.provenance + 1],
       %(refreshed)s::boolean AND coalesce(kept.refreshed, true), a.observed_until, a.observed, a.feature_values
  FROM arriving_vectors a
  LEFT JOIN LATERAL (
       SELECT * FROM features.vectors v
        WHERE v.set_id = %(set_id)s AND v.entity_id = a.entity_id AND v.as_of = a.as_of
          AND v.version <= %(base)s AND v.version <> ALL (%(abandoned)s::bigint[])
        ORDER BY v.version DESC LIMIT 1) kept ON true
 WHERE kept.version IS NULL
    OR (kept.refreshed AND NOT %(refreshed)s::boolean)
    OR (kept.provenance_id, kept.observed_until, kept.observed, kept.feature_values)
       IS DISTINCT FROM ((%(provenances)s::integer[])[a.provenance + 1], a.observed_until, a.observed, a.feature_values)
"""

_PUBLICATIONS = """
SELECT p.version, s.entity, s.digest, p.kind, p.based_on, p.snapshot_ids, p.watermark, p.vectors, p.changed,
       p.content_hash, p.created_at, p.activated_at, p.version = s.active_version
  FROM features.publications p JOIN features.feature_sets s USING (set_id)
 WHERE s.digest = coalesce(%s, s.digest) AND (p.version = s.active_version OR NOT %s)
 ORDER BY p.version DESC
"""

# A row may go when no kept version sees it: each sees the newest row of a moment among those of its ancestors.
_UNSEEN = """
DELETE FROM features.vectors v
 USING (SELECT entity_id, as_of FROM features.vectors
         WHERE set_id = %(set_id)s
         GROUP BY entity_id, as_of HAVING count(*) > 1 OR min(version) = ANY (%(left)s)) AS many
 WHERE v.set_id = %(set_id)s AND v.entity_id = many.entity_id AND v.as_of = many.as_of
   AND NOT EXISTS (
       SELECT FROM features.publications p
        WHERE p.set_id = %(set_id)s AND p.version >= %(oldest)s
          AND v.version <= p.version AND v.version <> ALL (p.abandoned)
          AND NOT EXISTS (
              SELECT FROM features.vectors n
               WHERE n.set_id = v.set_id AND n.entity_id = v.entity_id AND n.as_of = v.as_of
                 AND n.version > v.version AND n.version <= p.version AND n.version <> ALL (p.abandoned)))
"""

# A refreshed vector is no longer needed once every kept version has a later moment of its entity.
_PASSED = """
DELETE FROM features.vectors v
 WHERE v.set_id = %(set_id)s AND v.refreshed AND v.version < %(oldest)s
   AND EXISTS (
       SELECT FROM features.vectors n
        WHERE n.set_id = v.set_id AND n.entity_id = v.entity_id AND n.as_of > v.as_of
          AND n.version <= %(oldest)s AND n.version <> ALL (%(left)s))
"""

_FORGET_LEFT = """
UPDATE features.publications
   SET abandoned = ARRAY(
       SELECT version FROM unnest(abandoned) AS version
        WHERE version >= %(oldest)s
           OR version IN (SELECT version FROM features.vectors WHERE set_id = %(set_id)s))
 WHERE set_id = %(set_id)s AND abandoned <> '{}'
"""


class PostgresPublications:
    """Publications in the schema `features`. It never commits; the owner of the connection does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def hand_over(self, batch: VectorBatch, kind: Kind, sources: Sources) -> Handed:
        self._have_set(batch)
        content_hash = self._stage(batch)
        set_id, base, abandoned, watermark = self._lock(batch.digest)
        if base is not None and kind == "refresh" and sources.behind(watermark):
            return Handed(base, len(batch), 0, content_hash, outdated=True)
        followed = Jsonb({table: asdict(mark) for table, mark in sources.onto(watermark).items()})
        named = {"set_id": set_id, "base": base or 0, "abandoned": abandoned, "refreshed": kind == "refresh"}
        named["provenances"] = [self._provenance(ids) for ids in batch.provenances]
        made = named | {"kind": kind, "snapshot_ids": Jsonb(dict(sources.snapshot_ids))}
        made |= {"watermark": followed, "vectors": len(batch), "content_hash": content_hash}
        version = self._one(_NEW_VERSION, made)
        changed = self._connection.execute(_ADD, named | {"version": version}).rowcount
        if changed:
            self._connection.execute(
                "UPDATE features.publications SET changed = %s WHERE version = %s", (changed, version)
            )
            self._activate(set_id, version)
            return Handed(version, len(batch), changed, content_hash)
        self._connection.execute("DELETE FROM features.publications WHERE version = %s", (version,))
        self._connection.execute("UPDATE features.publications SET watermark = %s WHERE version = %s", (followed, base))
        return Handed(base, len(batch), 0, content_hash)

    def publications(self, digest: str | None = None) -> list[Publication]:
        return [_publication(row) for row in self._connection.execute(_PUBLICATIONS, (digest, False))]

    def active(self, digest: str) -> Publication | None:
        row = self._connection.execute(_PUBLICATIONS, (digest, True)).fetchone()
        return None if row is None else _publication(row)

    def roll_back(self, digest: str, to: int | None = None) -> Publication:
        locked = self._connection.execute(_LOCK, (digest,)).fetchone()
        known = {each.version: each for each in self.publications(digest)}
        wanted = before(known.values()) if to is None else to
        if locked is None or wanted not in known:
            sought = "version before the active one" if to is None else f"version {to}"
            raise NoSuchVersion(sought, digest, sorted(known))
        self._activate(locked[0], wanted)
        return next(each for each in self.publications(digest) if each.version == wanted)

    def prune(self, digest: str, keep: int = KEEP) -> int:
        locked = self._connection.execute(_LOCK, (digest,)).fetchone()
        oldest = oldest_kept(self.publications(digest), keep)
        if locked is None or oldest is None:
            return 0
        set_id = locked[0]
        left = self._left_behind(oldest)
        named = {"set_id": set_id, "oldest": oldest, "left": left}
        gone = self._connection.execute(_UNSEEN, named).rowcount + self._connection.execute(_PASSED, named).rowcount
        self._connection.execute(
            "DELETE FROM features.publications WHERE set_id = %(set_id)s AND version < %(oldest)s", named
        )
        self._connection.execute(_FORGET_LEFT, named)
        return gone

    def _names(self, digest: str) -> list[str]:
        select = "SELECT feature_names FROM features.feature_sets WHERE digest = %s"
        row = self._connection.execute(select, (digest,)).fetchone()
        return [] if row is None else row[0]

    def _have_set(self, batch: VectorBatch) -> None:
        row = (batch.digest, list(batch.names), batch.entity, list(batch.source_names))
        self._connection.execute(_KEEP_SET, row)
        names = self._names(batch.digest)
        if names != list(batch.names):
            first = batch.table["entity_id"][0].as_py() if len(batch) else "nobody"
            raise OtherFeatures(first, batch.digest, set(names) - set(batch.names), set(batch.names) - set(names))

    def _stage(self, batch: VectorBatch) -> str:
        """Copy the rows to the server before any lock is taken; return the hash of all of them."""
        from features.copy_rows import COLUMNS, HEADER, TRAILER, copy_rows

        summed = hashlib.sha256(json.dumps([batch.names, batch.source_names, batch.provenances]).encode())
        self._connection.execute("DROP TABLE IF EXISTS pg_temp.arriving_vectors")
        self._connection.execute(_ARRIVING)
        copying = f"COPY arriving_vectors ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
        with self._connection.cursor() as cursor, cursor.copy(copying) as copy:
            copy.write(HEADER)
            for rows in copy_rows(batch):
                summed.update(rows)
                copy.write(rows)
            copy.write(TRAILER)
        return summed.hexdigest()

    def _lock(self, digest: str) -> tuple[int, int | None, list[int], dict[str, Watermark]]:
        row = self._connection.execute(_LOCK, (digest,)).fetchone()
        assert row is not None, digest
        set_id, active, abandoned, watermark = row
        return set_id, active, abandoned or [], _watermark(watermark or {})

    def _provenance(self, snapshot_ids: Any) -> int:
        return int(self._one(_PROVENANCE, {"ids": Jsonb(dict(snapshot_ids))}))

    def _activate(self, set_id: int, version: int) -> None:
        self._connection.execute(
            "UPDATE features.feature_sets SET active_version = %s WHERE set_id = %s", (version, set_id)
        )
        self._connection.execute("UPDATE features.publications SET activated_at = now() WHERE version = %s", (version,))

    def _left_behind(self, oldest: int) -> list[int]:
        """Versions older than `oldest` that are not its ancestors."""
        return list(self._one("SELECT abandoned FROM features.publications WHERE version = %(v)s", {"v": oldest}))

    def _one(self, statement: str, named: dict[str, Any]) -> Any:
        row = self._connection.execute(statement, named).fetchone()
        assert row is not None, statement
        return row[0]


def _watermark(body: dict[str, dict[str, int]]) -> dict[str, Watermark]:
    return {table: Watermark(**mark) for table, mark in body.items()}


def _publication(row: Sequence[Any]) -> Publication:
    version, entity, digest, kind, based_on, snapshot_ids, watermark, *counts, created_at, activated_at, active = row
    vectors, changed, content_hash = counts
    return Publication(
        version=version,
        entity=entity,
        digest=digest,
        kind=kind,
        based_on=based_on,
        snapshot_ids=snapshot_ids,
        watermark=_watermark(watermark),
        vectors=vectors,
        changed=changed,
        content_hash=content_hash,
        created_at=created_at.astimezone(UTC),
        activated_at=activated_at.astimezone(UTC),
        active=bool(active),
    )
