"""The stream as a Spark streaming source: records put before a time, exactly once, from where the lake stopped.

The offset is only that time, `{"until": ms}`. The position in each shard is read from the lake, so a lost checkpoint
loses no records. If a shard has more records than its share of a batch, the rest is read in the next batch. Spark
creates these objects anew in separate processes, so they keep no state between calls.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.types import StructType

from pipelines.lake.iceberg import catalog
from pipelines.settings import Settings
from pipelines.streams.backlog import end_of_batch
from pipelines.streams.iceberg import committed
from pipelines.streams.iceberg_terms import positions_of, terms
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.parts import Part, parts, read_part
from pipelines.streams.records import DDL

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

FORMAT = "tranche_stream"


def options(settings: Settings, tables: list[str], until: int | None = None) -> dict[str, str]:
    """The source's options: the stream, the lake, the tables of a batch, and the end of the batch if it is known.

    They are passed with the job, because executors do not have the driver's environment.
    """
    environment = {
        "TRANCHE_AWS_ENDPOINT": settings.aws_endpoint or "",
        "TRANCHE_KINESIS_ENDPOINT": settings.kinesis_endpoint or "",
        "TRANCHE_AWS_REGION": settings.aws_region,
        "TRANCHE_LAKE_BUCKET": settings.lake_bucket,
        "TRANCHE_LAKE_PREFIX": settings.lake_prefix,
        "TRANCHE_STREAM": settings.stream,
    }
    return {"environment": json.dumps(environment), "tables": json.dumps(tables), "until": json.dumps(until)}


class StreamSource(DataSource):
    """`spark.readStream.format("tranche_stream")`; register it first."""

    @classmethod
    def name(cls) -> str:
        return FORMAT

    def schema(self) -> str:
        """One row for each record.

        `position` counts from 1 within the shard and batch. `payload` is the record's text (`base64:…` if it is not
        UTF-8). `fault` is the reason if it is not a JSON object, otherwise empty. `event_type` is the object's event
        type, if it has one that is a string.
        """
        return DDL

    def streamReader(self, schema: StructType) -> StreamReader:  # noqa: ARG002, N802 - Spark's name and arguments
        return StreamReader(self.options)


class FamilyPart(InputPartition):
    """A part of a batch as Spark sends it to an executor."""

    def __init__(self, part: Part) -> None:
        super().__init__(tuple(shard.shard_id for shard, _ in part.shards))
        self.part = part


class StreamReader(DataSourceStreamReader):
    """Cuts the stream into batches by time and reads their parts."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._settings = Settings.from_environment(json.loads(options["environment"]))
        self._tables: list[str] = json.loads(options["tables"])
        self._until: int | None = json.loads(options["until"])

    def initialOffset(self) -> dict[str, int]:  # noqa: N802 - Spark's name
        """The end of the newest batch in the lake."""
        newest = committed(_lake(self._settings), self._settings)
        return {"until": 0 if newest is None else newest.until}

    def latestOffset(self) -> dict[str, int]:  # noqa: N802 - Spark's name
        """The end of the batch to read now."""
        if self._until is not None:
            return {"until": self._until}
        return {"until": end_of_batch(_stream(self._settings), _lake(self._settings), self._settings, self._tables)}

    def partitions(self, start: dict[str, int], end: dict[str, int]) -> list[FamilyPart]:
        """The parts of a batch, each shard from the stop of the newest batch up to `start`."""
        if start["until"] >= end["until"]:
            return []
        stream, lake = _stream(self._settings), _lake(self._settings)
        positions = positions_of(stream.shards(), stream.created_ms(), lake, self._settings, at_most=start["until"])
        share = terms(lake, self._settings).share
        return [FamilyPart(part) for part in parts(stream, positions, share, end["until"])]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The part's records as Arrow batches."""
        assert isinstance(partition, FamilyPart)
        return read_part(_stream(self._settings), partition.part)


# Creating a client takes as long as a small batch, so all readers in a process share its clients.
@cache
def _stream(settings: Settings) -> KinesisStream:
    return KinesisStream(client(settings), settings.stream, time.sleep)


@cache
def _lake(settings: Settings) -> Catalog:
    return catalog(settings)
