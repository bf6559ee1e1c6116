"""Act: what is on the stream → raw tables, quarantine and parked duplicates, exactly once across restarts.

A batch is written table by table and becomes whole with its row in `raw.batches`. Each table says in its
snapshot which batches it has, so a batch that was cut off is read again, with the same end, and only what
is missing is written. The lake alone remembers how far the stream was read; the checkpoint that Spark asks
for is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from tempfile import TemporaryDirectory
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import functions as F  # noqa: N812 - as Spark's own pages write it

from pipelines import checked
from pipelines.lake import raw
from pipelines.lake.iceberg import catalog, namespace, spark_name
from pipelines.settings import Settings
from pipelines.streams.backlog import Backlog, begin
from pipelines.streams.iceberg import STOPS, UNTIL, Stops, batches_of, committed, unfinished
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.spark import FORMAT, StreamSource, options
from pipelines.streams.stream import From

_SECOND_MS = 1_000


class NotConserved(Exception):
    """A batch has not as many records as were read: nothing of it may count."""

    @property
    def user_message(self) -> str:
        """One line for the person who started the act."""
        return str(self)


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the records of one event type."""

    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.read + other.read,
            self.accepted + other.accepted,
            self.quarantined + other.quarantined,
            self.duplicates + other.duplicates,
        )


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What this run added to the lake: of each event type, and how many batches it took."""

    stream: str
    event_types: Mapping[str, Counts]
    batches: int
    seconds: float

    @property
    def total(self) -> Counts:
        """All event types together."""
        return sum(self.event_types.values(), Counts())


def ingest(
    spark: Any,
    settings: Settings,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    after_commit: Callable[[str], None] = lambda _: None,
    start: From | datetime | None = None,
) -> IngestReport:
    """Take everything that was on the stream when the act began, in as many batches as it needs.

    `after_commit` is told each table as soon as it is committed. `start` says where to begin with a stream that the
    lake knows nothing of. Raises StreamFault when the stream is not there, StartRefused when the lake has begun with
    it and NotConserved when a batch's counts do not add up.
    """
    began = now()
    stream = KinesisStream(client(settings), settings.stream, sleep)
    # The service tells whole seconds: what was put before now has arrived before the next one begins.
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
        _run(spark, _Writer(settings, stream.created_ms(), now, after_commit, listed))

    backlog.take(target, raw.tables_of_a_batch(), run, sleep)
    since = 0 if before is None else before.until
    return _report(spark, settings, since, (now() - began).total_seconds())


def _run(spark: Any, writer: _Writer) -> None:
    """One run of the stream: one batch, with the end that the source decides on."""
    source = spark.readStream.format(FORMAT).options(**options(writer.settings, raw.tables_of_a_batch())).load()
    scratch = writer.settings.var / "spark"
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="checkpoint-", dir=scratch, ignore_cleanup_errors=True) as checkpoint:
        query = (
            source.writeStream.foreachBatch(writer.write)
            .option("checkpointLocation", checkpoint)
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination()


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes one batch; each table once."""

    settings: Settings
    stream_created_ms: int
    now: Callable[[], datetime]
    after_commit: Callable[[str], None]
    listed: frozenset[str]
    _kept: list[Any] = field(default_factory=list)

    def write(self, batch: Any, _batch_id: int) -> None:
        """Called by Spark. The batch's number means nothing: a new checkpoint counts from 0 again."""
        try:
            # Kept, because every table's write would read the stream again.
            judged = self._keep(checked.judged(batch))
            ends = judged.groupBy("shard").agg(
                F.expr("max(struct(position, kinesis_sequence)) AS stop"), F.max("until")
            )
            shards = {row[0]: row for row in ends.collect()}
            if shards:
                until = next(iter(shards.values()))[2]
                stops = {shard: row.stop.kinesis_sequence for shard, row in shards.items()}
                self._write(batch.sparkSession, judged, until, stops, sum(row.stop.position for row in shards.values()))
        finally:
            for frame in self._kept:
                frame.unpersist()
            self._kept.clear()

    def _write(self, spark: Any, judged: Any, until: int, stops: Mapping[str, str], rows_in: int) -> None:
        repeated = self._keep(checked.duplicates(judged, self._seen(spark, until)))
        decided = checked.decided(judged, None if repeated.isEmpty() else repeated)
        counts = _conserved(decided, rows_in, until)
        loaded_at = f"TIMESTAMP '{self.now().astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
        total = sum(counts.values(), Counts())
        if total.quarantined:
            self._commit(raw.QUARANTINE, checked.quarantined_rows(decided, loaded_at), until)
        if total.duplicates:
            self._commit(raw.DUPLICATES, checked.duplicate_rows(decided, loaded_at), until)
        for name, contract in raw.event_tables().items():
            if counts.get(contract.event_type, Counts()).accepted:
                self._commit(name, checked.accepted_rows(decided, contract, loaded_at), until)
        self._finish(spark, until, stops, counts)

    def _seen(self, spark: Any, until: int) -> Any | None:
        """The event ids that the lake has from other batches; a repeated batch has not seen itself."""
        lake = catalog(self.settings)
        tables = [
            spark.table(spark_name(self.settings, name))
            .where(F.col("until") != until)
            .select("event_id", "body_digest")
            for name in raw.event_tables()
            if batches_of(lake, self.settings, name) - {until}
        ]
        return reduce(lambda one, other: one.union(other), tables) if tables else None

    def _finish(self, spark: Any, until: int, stops: Mapping[str, str], counts: Mapping[str, Counts]) -> None:
        """Write the batch's own row, which makes it whole; shards without a record keep where they stopped before."""
        newest = committed(catalog(self.settings), self.settings)
        before = {} if newest is None else newest.stops.of(self.stream_created_ms, self.listed)
        all_stops = str(Stops(self.stream_created_ms, {**before, **stops}))
        columns = "event_type STRING, rows_in LONG, accepted LONG, quarantined LONG, duplicates LONG"
        rows = [(name, each.read, each.accepted, each.quarantined, each.duplicates) for name, each in counts.items()]
        frame = spark.createDataFrame(rows, columns).selectExpr(
            f"{until}L AS until",
            "*",
            f"'{all_stops}' AS stops",
            f"TIMESTAMP '{self.now().astimezone(UTC):%Y-%m-%d %H:%M:%S}' AS loaded_at",
        )
        self._commit(raw.BATCHES, frame, until, {STOPS: all_stops})

    def _commit(self, table: str, rows: Any, until: int, also: Mapping[str, str] | None = None) -> None:
        if until in batches_of(catalog(self.settings), self.settings, table):
            return
        writer = rows.writeTo(spark_name(self.settings, table))
        for name, value in {UNTIL: str(until), **(also or {})}.items():
            writer = writer.option(f"snapshot-property.{name}", value)
        writer.append()
        self.after_commit(table)

    def _keep(self, frame: Any) -> Any:
        self._kept.append(frame.persist(StorageLevel.MEMORY_AND_DISK))
        return frame


def _conserved(decided: Any, rows_in: int, until: int) -> dict[str, Counts]:
    """The counts of each event type; NotConserved when they are not what was read.

    `rows_in` is told by the source, which numbers the records of each shard, and not counted here.
    """
    counts: dict[str, Counts] = {}
    for row in decided.groupBy("contract_type", "outcome").count().collect():
        one = {
            checked.ACCEPTED: Counts(row["count"], accepted=row["count"]),
            checked.QUARANTINED: Counts(row["count"], quarantined=row["count"]),
            checked.DUPLICATE: Counts(row["count"], duplicates=row["count"]),
        }[row["outcome"]]
        counts[row["contract_type"]] = counts.get(row["contract_type"], Counts()) + one
    told = sum(counts.values(), Counts())
    if told.read != rows_in:
        raise NotConserved(f"batch {until}: {rows_in} records were read and {told.read} are accounted for: {told}")
    return dict(sorted(counts.items()))


def _report(spark: Any, settings: Settings, since: int, seconds: float) -> IngestReport:
    rows = spark.table(spark_name(settings, raw.BATCHES)).where(F.col("until") > since).collect()
    counts: dict[str, Counts] = {}
    for row in rows:
        one = Counts(row["rows_in"], row["accepted"], row["quarantined"], row["duplicates"])
        counts[row["event_type"]] = counts.get(row["event_type"], Counts()) + one
    return IngestReport(settings.stream, dict(sorted(counts.items())), len({row["until"] for row in rows}), seconds)
