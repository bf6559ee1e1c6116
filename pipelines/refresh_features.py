"""Act: curated → the vectors of the entities that new rows touched, straight into the version that serving reads.

The stream job calls `refresh` after each curation; what it adds is a small version of its own on top of the active one.
How far it followed the lake is kept with that version, so a roll-back takes the vectors and the watermark back together
and the next refresh makes good what they lack.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from features.publication import Sources, Watermark
from features.store import Publications
from pipelines.lake.changes import Changes
from pipelines.lake.table import MissingTable
from pipelines.served_set import ServedSet


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one refresh did: of `touched` entities, `changed` got another vector than they had at that moment.

    `known_until` is when the newest event behind them was recorded, so `as_of` less that is how fresh serving is.
    `outdated` says that another refresh had followed the lake further, so nothing was taken of this one.
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
        """How old the newest word on the touched entities is; None when there is none."""
        return None if self.known_until is None else self.as_of - self.known_until


def refresh(
    lake: Changes, store: Publications, served: ServedSet, as_of: datetime, touched: Collection[str] | None = None
) -> Refreshed:
    """Compute the touched entities as of the moment and add them to the active version; again, it changes nothing.

    Without `touched`, those are the entities of the rows that were curated since the last refresh of this feature set.
    Named ones are taken as part of what changed: the watermark then stays where it is. Raises MissingTable before the
    first curation.
    """
    marks = _marks(lake, served)
    active = store.active(served.digest)
    seen = {} if active is None else active.watermark
    entities = sorted(_since(lake, served, seen, marks) if touched is None else set(touched))
    sources = Sources({table: mark.snapshot_id for table, mark in marks.items()}, marks if touched is None else {})
    rows = _rows(lake, served, marks, entities, as_of)
    handed = store.hand_over(served.batch(rows), "refresh", sources)
    return Refreshed(
        entity=served.entity,
        feature_set_digest=served.digest,
        as_of=as_of,
        touched=len(entities),
        changed=handed.changed,
        version=handed.version,
        known_until=_newest(rows["known_until"]),
        outdated=handed.outdated,
    )


def _marks(lake: Changes, served: ServedSet) -> dict[str, Watermark]:
    marks = {source.table: lake.mark(source.table) for source in served.sources}
    known = {table: mark for table, mark in marks.items() if mark is not None}
    if not known:
        raise MissingTable(served.sources[0].table, "curate")
    return known


def _since(lake: Changes, served: ServedSet, seen: dict[str, Watermark] | Any, marks: dict[str, Watermark]) -> set[str]:
    return {
        entity
        for source in served.sources
        if source.table in marks and seen.get(source.table) != marks[source.table]
        for entity in lake.touched(source.table, source.key, seen.get(source.table), marks[source.table])
    }


def _rows(lake: Changes, served: ServedSet, marks: dict[str, Watermark], entities: list[str], as_of: datetime) -> Any:
    """Rows as the batch job writes them into the feature table, of these entities as of the moment."""
    import pyarrow as pa

    instant = pa.timestamp("us", tz="UTC")
    moments = pa.table(
        {served.key: pa.array(entities, pa.string()), "as_of": pa.array([as_of] * len(entities), instant)}
    )
    events = {
        source.table: lake.rows(source.table, source.columns, source.key, entities, marks[source.table])
        for source in served.sources
        if source.table in marks
    }
    rows = served.compute(moments, events)
    for column, table in served.snapshots.items():
        snapshot = marks[table].snapshot_id if table in marks else None
        rows = rows.append_column(column, pa.array([snapshot] * rows.num_rows, pa.int64()))
    return rows


def _newest(column: Any) -> datetime | None:
    import pyarrow.compute as pc

    newest: datetime | None = pc.max(column).as_py()
    return newest
