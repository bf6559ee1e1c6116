"""Act: what is on the stream → raw tables, quarantine and parked duplicates, exactly once across restarts.

`batch` writes each batch. A batch that was cut off is read again, with the same end, and only what is missing of it is
written. The lake alone remembers how far the stream was read; the checkpoint that Spark requires is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pyspark.errors import StreamingQueryException
from pyspark.sql import functions as F  # noqa: N812 - as Spark's own pages write it

from pipelines.ingest.batch import BatchWriter
from pipelines.ingest.erased_subjects import refused
from pipelines.ingest.verdict import Counts
from pipelines.lake import raw
from pipelines.lake.iceberg import catalog, namespace, spark_name
from pipelines.settings import Settings
from pipelines.streams.backlog import Backlog, begin, end_of_batch
from pipelines.streams.iceberg import committed, unfinished
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.spark import FORMAT, StreamSource, options
from pipelines.streams.stream import From

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SECOND_MS = 1_000


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What this run added to the lake: of each event type, in how many batches.

    `since` is the end of the newest batch that was there before, `until` that of the newest now; 0 where there is none.
    """

    stream: str
    event_types: Mapping[str, Counts]
    batches: int
    seconds: float
    since: int = 0
    until: int = 0

    @property
    def total(self) -> Counts:
        """All event types together."""
        return sum(self.event_types.values(), Counts())


def ingest(
    spark: SparkSession,
    settings: Settings,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    after_commit: Callable[[str], None] = lambda _: None,
    accept_rejects: frozenset[str] = frozenset(),
    start: From | datetime | None = None,
) -> IngestReport:
    """Take everything that was on the stream when the act began, in as many batches as it needs.

    `after_commit` is called with each table as soon as it is committed, and with the other moments of a batch
    (`batch.READ`, `batch.TABLES`). Event types of `accept_rejects` may go over their limit. `start` says where to begin
    with a stream of which the lake has nothing.

    Raises StreamFault when the stream does not exist, StartRefused when the lake has begun with it, TooManyRejects when
    a batch is over a limit, NotConserved when its counts do not add up, and SettingFault when subjects were erased and
    the key of their pseudonyms is missing.
    """
    began = now()
    refused(settings)  # fails early when the erasure key is missing; each batch reads the requests again
    stream = KinesisStream(client(settings), settings.stream, sleep)
    # The service's times are whole seconds: what was put before now has arrived before the next one begins.
    target = stream.clock_ms() + _SECOND_MS
    lake = catalog(settings)
    existing = {f"raw.{table}" for _, table in lake.list_tables(namespace(settings, "raw"))}
    for statement in raw.create_statements(settings, existing):
        spark.sql(statement)
    spark.dataSource.register(StreamSource)
    backlog = Backlog(stream, lake, settings)
    if start is not None:
        begin(backlog, start, is_repeat=unfinished(lake, settings, raw.tables_of_a_batch()) is not None)
    before = committed(lake, settings)

    def run() -> None:
        listed = frozenset(shard.shard_id for shard in stream.shards())
        until = end_of_batch(stream, lake, settings, raw.tables_of_a_batch())
        _run(spark, BatchWriter(settings, stream.created_ms(), now, after_commit, listed, accept_rejects), until)

    backlog.take(target, raw.tables_of_a_batch(), run, sleep)
    since = 0 if before is None else before.until
    return _report(spark, settings, since, (now() - began).total_seconds())


def _run(spark: SparkSession, writer: BatchWriter, until: int) -> None:
    """One run of the stream: one batch, which ends at `until`."""
    found = options(writer.settings, raw.tables_of_a_batch(), until)
    source = spark.readStream.format(FORMAT).options(**found).load()
    scratch = writer.settings.var / "spark"
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="checkpoint-", dir=scratch, ignore_cleanup_errors=True) as checkpoint:
        query = (
            source.writeStream.foreachBatch(writer.write)
            .option("checkpointLocation", checkpoint)
            .trigger(availableNow=True)
            .start()
        )
        try:
            query.awaitTermination()
        except StreamingQueryException as error:
            # Spark reports only the text of a fault; the caller gets the fault itself.
            raise writer.fault or error from error


def _report(spark: SparkSession, settings: Settings, since: int, seconds: float) -> IngestReport:
    counts: dict[str, Counts] = {}
    newest = committed(catalog(settings), settings)
    if newest is None or newest.until == since:
        return IngestReport(settings.stream, counts, 0, seconds, since, since)
    rows = spark.table(spark_name(settings, raw.BATCHES)).where(F.col("until") > since).collect()
    for row in rows:
        one = Counts(row["rows_in"], row["accepted"], row["quarantined"], row["duplicates"])
        counts[row["event_type"]] = counts.get(row["event_type"], Counts()) + one
    ends = {row["until"] for row in rows}
    until = max(ends, default=since)
    return IngestReport(settings.stream, dict(sorted(counts.items())), len(ends), seconds, since, until)
