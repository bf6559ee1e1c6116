"""On which terms batches are cut: how much of a shard one may hold, and where the reading of a stream began.

They are kept as properties of `raw.batches`, because a batch that was cut off must be read again on the terms it
began with, whatever the settings say by then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pyiceberg.catalog import Catalog

from pipelines.lake.iceberg import metadata, table_name
from pipelines.settings import Settings
from pipelines.streams.iceberg import BATCHES, Stops, committed
from pipelines.streams.shards import Position, Shard
from pipelines.streams.stream import StreamFault

_SHARE = "tranche.share"
_START = "tranche.start"


@dataclass(frozen=True, slots=True)
class Start:
    """Where the reading of the stream that was made at `created_ms` began.

    Holds for the shards that were there when it was chosen. Those that a reshard made since are read from their first
    record, or what was put between would be passed over.
    """

    created_ms: int
    at_ms: int
    shards: tuple[str, ...]

    @property
    def at(self) -> str:
        """The time as text."""
        return datetime.fromtimestamp(self.at_ms / 1000, UTC).isoformat()


@dataclass(frozen=True, slots=True)
class BatchTerms:
    """At most `share` records of each shard are in one batch; None is no bound."""

    share: int | None = None
    start: Start | None = None

    def position(self, shard: Shard, stops: Mapping[str, str], created_ms: int) -> Position:
        """Where to go on in a shard."""
        if shard.shard_id in stops:
            return Position(after=stops[shard.shard_id])
        start = self.start
        if start is not None and start.created_ms == created_ms and shard.shard_id in start.shards:
            return Position(at_ms=start.at_ms or None)
        return Position()


class StartRefused(StreamFault):
    """The lake has begun with this stream already; a start chosen now would leave out or repeat events."""


def terms(catalog: Catalog, settings: Settings) -> BatchTerms:
    """The terms of the batch to read now."""
    table = metadata(catalog, table_name(settings, BATCHES))
    properties = {} if table is None else table.properties
    start = json.loads(properties[_START]) if _START in properties else None
    return BatchTerms(
        share=int(properties[_SHARE]) if _SHARE in properties else None,
        start=None if start is None else Start(start["created_ms"], start["at_ms"], tuple(start["shards"])),
    )


def positions_of(
    shards: Iterable[Shard], created_ms: int, catalog: Catalog, settings: Settings, at_most: int | None = None
) -> dict[Shard, Position]:
    """Where the lake goes on in each shard, behind the newest batch that ends at `at_most` or before."""
    newest = committed(catalog, settings, at_most)
    stops = {} if newest is None else newest.stops.of(created_ms)
    found = terms(catalog, settings)
    return {shard: found.position(shard, stops, created_ms) for shard in shards}


def set_share(catalog: Catalog, settings: Settings, share: int) -> None:
    """Bound what the next batches hold of a shard; only when no batch is unfinished."""
    if terms(catalog, settings).share != share:
        _set(catalog, settings, {_SHARE: str(share)})


def set_start(catalog: Catalog, settings: Settings, start: Start, stops: Stops | None) -> None:
    """Choose where reading begins; StartRefused once the lake has begun with this stream."""
    chosen = terms(catalog, settings).start
    if chosen is not None and chosen.created_ms == start.created_ms:
        raise StartRefused(
            f"reading of {settings.stream} began at {chosen.at}; --start is for the first ingest of a stream"
        )
    if stops is not None and stops.of(start.created_ms):
        raise StartRefused(
            f"the lake has events of {settings.stream} already; --start is for the first ingest of a stream"
        )
    kept = {"created_ms": start.created_ms, "at_ms": start.at_ms, "shards": sorted(start.shards)}
    _set(catalog, settings, {_START: json.dumps(kept)})


def _set(catalog: Catalog, settings: Settings, properties: dict[str, str]) -> None:
    with catalog.load_table(table_name(settings, BATCHES)).transaction() as transaction:
        transaction.set_properties(properties)
