"""The stream as a Spark streaming source: what was put before a time, exactly once, from where the lake stopped.

The offset is that time alone, `{"until": ms}`. Where each shard goes on is read from the lake, so a lost
checkpoint loses nothing and nothing falls between two batches. Spark makes these objects anew in
processes of their own; nothing is kept in them between calls.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.types import StructType

from pipelines.lake.iceberg import catalog
from pipelines.settings import Settings
from pipelines.streams.iceberg import committed, unfinished
from pipelines.streams.kinesis import KinesisStream, Record, client

FORMAT = "tranche_stream"
# Records may show up in a shard a little after their arrival time; a batch ends behind that.
MARGIN_MS = 2_000

_SCHEMA = pa.schema(
    [
        ("shard", pa.string()),
        ("generation", pa.int32()),
        ("position", pa.int64()),
        ("sequence", pa.string()),
        ("until", pa.int64()),
        ("payload", pa.string()),
        ("fault", pa.string()),
    ]
)
_DDL = "shard STRING, generation INT, position LONG, sequence STRING, until LONG, payload STRING, fault STRING"


def options(settings: Settings, tables: list[str]) -> dict[str, str]:
    """The source's options: where stream and lake are, and the tables of a batch.

    They travel with the job, because an executor's environment is not the driver's.
    """
    environment = {
        "TRANCHE_AWS_ENDPOINT": settings.aws_endpoint or "",
        "TRANCHE_AWS_REGION": settings.aws_region,
        "TRANCHE_LAKE_BUCKET": settings.lake_bucket,
        "TRANCHE_LAKE_PREFIX": settings.lake_prefix,
        "TRANCHE_STREAM": settings.stream,
    }
    return {"environment": json.dumps(environment), "tables": json.dumps(tables)}


class StreamSource(DataSource):  # type: ignore[misc]  # Spark's own typing is not followed
    """`spark.readStream.format("tranche_stream")`; register it first."""

    @classmethod
    def name(cls) -> str:
        return FORMAT

    def schema(self) -> str:
        """One row a record.

        `position` counts from 1 within the shard and batch. `payload` is the record's text (`base64:…` where it is
        no UTF-8), `fault` says why it is not a JSON object, and is empty where it is.
        """
        return _DDL

    def streamReader(self, schema: StructType) -> StreamReader:  # noqa: ARG002, N802 - Spark's name and arguments
        return StreamReader(self.options)


class ShardPart(InputPartition):  # type: ignore[misc]  # Spark's own typing is not followed
    """One shard's part of a batch."""

    def __init__(self, shard_id: str, generation: int, after: str | None, until: int) -> None:
        super().__init__(shard_id)
        self.shard_id = shard_id
        self.generation = generation
        self.after = after
        self.until = until


class StreamReader(DataSourceStreamReader):  # type: ignore[misc]  # Spark's own typing is not followed
    """Cuts the stream into batches by time and reads their parts."""

    def __init__(self, options: Any) -> None:
        self._settings = Settings.from_environment(json.loads(options["environment"]))
        self._tables: list[str] = json.loads(options["tables"])

    def initialOffset(self) -> dict[str, int]:  # noqa: N802 - Spark's name
        """The end of the newest batch in the lake."""
        newest = committed(catalog(self._settings), self._settings)
        return {"until": 0 if newest is None else newest.until}

    def latestOffset(self) -> dict[str, int]:  # noqa: N802 - Spark's name
        """The end of the batch to read now: of one left unfinished, else the service's clock less a margin."""
        left = unfinished(catalog(self._settings), self._settings, self._tables)
        return {"until": self._stream().clock_ms() - MARGIN_MS if left is None else left}

    def partitions(self, start: dict[str, int], end: dict[str, int]) -> list[ShardPart]:
        """One part a shard, each from where the newest batch up to `start` stopped."""
        if start["until"] >= end["until"]:
            return []
        stream = self._stream()
        before = committed(catalog(self._settings), self._settings, at_most=start["until"])
        stops = {} if before is None else before.stops.of(stream.created_ms())
        return [
            ShardPart(shard.shard_id, shard.generation, stops.get(shard.shard_id), end["until"])
            for shard in stream.shards()
        ]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The part's records as Arrow batches."""
        assert isinstance(partition, ShardPart)
        position = 1
        for page in self._stream().read(partition.shard_id, partition.after, partition.until):
            yield _arrow(partition, position, page)
            position += len(page)

    def _stream(self) -> KinesisStream:
        return KinesisStream(client(self._settings), self._settings.stream, time.sleep)


def _arrow(part: ShardPart, position: int, page: list[Record]) -> pa.RecordBatch:
    texts = [_text(record.data) for record in page]
    return pa.RecordBatch.from_arrays(
        [
            pa.array([part.shard_id] * len(page), pa.string()),
            pa.array([part.generation] * len(page), pa.int32()),
            pa.array(range(position, position + len(page)), pa.int64()),
            pa.array([record.sequence for record in page], pa.string()),
            pa.array([part.until] * len(page), pa.int64()),
            pa.array([payload for payload, _ in texts], pa.string()),
            pa.array([fault for _, fault in texts], pa.string()),
        ],
        schema=_SCHEMA,
    )


def _text(data: bytes) -> tuple[str, str | None]:
    """A record's text, and why it is not one JSON object.

    Judged here, strictly: Spark's parser takes the first object of a text and drops what follows it.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"base64:{base64.b64encode(data).decode('ascii')}", f"not UTF-8 at byte {error.start}"
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return text, f"not JSON: {error.msg}"
    return text, None if isinstance(found, dict) else "not a JSON object"
