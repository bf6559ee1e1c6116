"""How batches are cut: the maximum number of records of a shard, and where reading of the stream began.

These terms are stored as properties of `raw.batches`, because an interrupted batch must be read again with the terms
with which it began, even if the settings have changed since.
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
    """Where reading began, for the stream created at `created_ms`.

    It applies to the shards that existed when it was chosen. Shards from a later reshard are read from their first
    record, so that nothing put in between is skipped.
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
    """A batch has at most `share` records of each shard; None means no limit."""

    share: int | None = None
    start: Start | None = None

    def position(self, shard: Shard, stops: Mapping[str, str], created_ms: int) -> Position:
        """The position at which to continue in a shard."""
        if shard.shard_id in stops:
            return Position(after=stops[shard.shard_id])
        start = self.start
        if start is not None and start.created_ms == created_ms and shard.shard_id in start.shards:
            return Position(at_ms=start.at_ms or None)
        return Position()


class StartRefused(StreamFault):
    """Raised if the lake has already begun to read this stream: choosing a start now would skip or repeat events."""


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
    """For each shard, the position after the newest batch that ends at or before `at_most`."""
    newest = committed(catalog, settings, at_most)
    stops = {} if newest is None else newest.stops.of(created_ms)
    found = terms(catalog, settings)
    return {shard: found.position(shard, stops, created_ms) for shard in shards}


def set_share(catalog: Catalog, settings: Settings, share: int) -> None:
    """Set the maximum number of records of a shard in the next batches; only if no batch is unfinished."""
    if terms(catalog, settings).share != share:
        _set(catalog, settings, {_SHARE: str(share)})


def set_start(catalog: Catalog, settings: Settings, start: Start, stops: Stops | None) -> None:
    """Choose where reading begins; raises StartRefused if the lake has already begun to read this stream."""
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
