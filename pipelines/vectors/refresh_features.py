"""Act: recompute the vectors of the entities that new curated rows touched, and publish them to serving.

The stream job calls `refresh` after each curation; it adds a small version on top of the active one. The watermarks are
stored with that version, so a roll-back reverts vectors and watermarks together, and the next refresh computes again
what was reverted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from features.publication import Sources, Watermark
from features.store import Publications
from pipelines.lake.changes import TableChanges
from pipelines.lake.table import MissingTable
from pipelines.vectors.published_vectors import PublishedVectors

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The result of one refresh: of the `touched` entities, `changed` got a different vector.

    `known_until`: when the newest event behind them was recorded; `as_of` minus this is the freshness of serving.
    `outdated`: another refresh had used newer data, so this one was discarded.
    """

    entity: str
    feature_set_digest: str
    as_of: datetime
    touched: int
    changed: int
    version: int | None
    known_until: datetime | None
    outdated: bool

    @property
    def freshness(self) -> timedelta | None:
        """The age of the newest event of the touched entities; None if there is none."""
        return None if self.known_until is None else self.as_of - self.known_until


def refresh(
    lake: TableChanges,
    store: Publications,
    served: PublishedVectors,
    as_of: datetime,
    touched: Collection[str] | None = None,
) -> Refreshed:
    """Compute the vectors of touched entities as of the moment and add them to the active version. Idempotent.

    By default these are the entities of rows curated since the last refresh of this feature set. If `touched` is given,
    it may not be everything that changed, so the watermark is not advanced. Raises MissingTable before the first
    curation.
    """
    marks = _marks(lake, served)
    active = store.active(served.digest)
    seen = {} if active is None else active.watermark
    found = _since(lake, served, seen, marks) if touched is None else {served.key: set(touched)}
    moments = _moments(lake, served, found, as_of)
    snapshot_ids = {table: mark.snapshot_id for table, mark in marks.items()}
    sources = Sources(snapshot_ids, marks if touched is None else {})
    rows = served.with_snapshots(served.compute(moments, _events(lake, served, marks, moments)), snapshot_ids)
    handed = store.hand_over(served.batch(rows), "refresh", sources)
    return Refreshed(
        entity=served.entity,
        feature_set_digest=served.digest,
        as_of=as_of,
        touched=moments.num_rows,
        changed=handed.changed,
        version=handed.version,
        known_until=_newest(rows["known_until"]),
        outdated=handed.outdated,
    )


def _marks(lake: TableChanges, served: PublishedVectors) -> dict[str, Watermark]:
    marks = {source.table: lake.mark(source.table) for source in served.sources}
    known = {table: mark for table, mark in marks.items() if mark is not None}
    if not known:
        raise MissingTable(served.sources[0].table, "curate")
    return known


def _since(
    lake: TableChanges, served: PublishedVectors, seen: Mapping[str, Watermark], marks: Mapping[str, Watermark]
) -> dict[str, set[str]]:
    """By key, the entities in rows added to the sources since the watermarks `seen`."""
    found: dict[str, set[str]] = {}
    for source in served.sources:
        if source.table in marks and seen.get(source.table) != marks[source.table]:
            gained = lake.touched(source.table, source.key, seen.get(source.table), marks[source.table])
            found.setdefault(source.key, set()).update(gained - {None})
    return found


def _moments(
    lake: TableChanges, served: PublishedVectors, found: Mapping[str, Collection[str]], as_of: datetime
) -> pa.Table:
    """One row for each touched entity, with the least of several values of another key. Columns: the keys, as_of."""
    import pyarrow as pa

    others: dict[str, dict[str, str | None]] = {entity: {} for entity in found.get(served.key, ())}
    mark = None if served.register is None else lake.mark(served.register)
    if served.register is not None and mark is not None:
        for key, values in found.items():
            for row in lake.rows(served.register, served.keys, key, values, mark).to_pylist():
                known = others.setdefault(row[served.key], {})
                for other in served.keys[1:]:
                    values_known = [value for value in (known.get(other), row[other]) if value is not None]
                    known[other] = min(values_known, default=None)
    entities = sorted(others)
    keys = {served.key: entities} | {
        other: [others[entity].get(other) for entity in entities] for other in served.keys[1:]
    }
    columns = {key: pa.array(values, pa.string()) for key, values in keys.items()}
    return pa.table(columns | {"as_of": pa.array([as_of] * len(entities), pa.timestamp("us", tz="UTC"))})


def _events(
    lake: TableChanges, served: PublishedVectors, marks: Mapping[str, Watermark], moments: pa.Table
) -> dict[str, pa.Table]:
    """All events of the touched entities, by source. Columns: those that the source reads."""
    return {
        source.name: lake.rows(
            source.table,
            source.columns,
            source.key,
            [value for value in moments[source.key].to_pylist() if value is not None],
            marks[source.table],
        )
        for source in served.sources
        if source.table in marks
    }


def _newest(column: pa.ChunkedArray) -> datetime | None:
    import pyarrow.compute as pc

    newest: datetime | None = pc.max(column).as_py()
    return newest
