"""Batches read in this process by the reader that Spark uses, and recorded in a real Iceberg table."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.lake.iceberg import catalog, table_name
from pipelines.settings import Settings
from pipelines.streams.iceberg import BATCHES, STOPS, UNTIL, Stops, committed
from pipelines.streams.kinesis import KinesisStream
from pipelines.streams.spark import StreamReader, options


def create_batches(settings: Settings) -> None:
    """An empty `raw.batches`."""
    table = table_name(settings, BATCHES)
    if catalog(settings).table_exists(table):
        catalog(settings).drop_table(table)
    catalog(settings).create_table(table, schema=pa.schema([("until", pa.int64())]))


def take_a_batch(settings: Settings, stream: KinesisStream, until: int | None = None) -> list[dict[str, Any]]:
    """Take one batch, which ends where the reader says unless it is given, and commit where each shard stopped."""
    reader = StreamReader(options(settings, [BATCHES]))
    start, end = reader.initialOffset(), reader.latestOffset() if until is None else {"until": until}
    rows = [row for part in reader.partitions(start, end) for each in reader.read(part) for row in each.to_pylist()]
    rows.sort(key=lambda row: (row["generation"], row["shard"], row["position"]))
    if rows:
        newest = committed(catalog(settings), settings)
        created, listed = stream.created_ms(), frozenset(shard.shard_id for shard in stream.shards())
        before = {} if newest is None else newest.stops.of(created, listed)
        stops = Stops(created, {**before, **{row["shard"]: row["sequence"] for row in rows}})
        table = catalog(settings).load_table(table_name(settings, BATCHES))
        table.append(
            pa.table({"until": pa.array([end["until"]], pa.int64())}),
            snapshot_properties={UNTIL: str(end["until"]), STOPS: str(stops)},
        )
    return rows
