"""One batch of the stream → raw tables, quarantine and parked duplicates, each table once, whole at the last commit.

A batch is written table by table and becomes whole with its row in `raw.batches`. Each table notes in its snapshots
which batches it has, so a batch that was cut off is written again and only the missing tables are. The steps are one
module each, in the order in which `BatchWriter` calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - as Spark's own pages write it

from pipelines.ingest.batch_commit import BatchCommit
from pipelines.ingest.contract_type import with_contract_type
from pipelines.ingest.duplicates import duplicates_of_batch
from pipelines.ingest.erased_subjects import blanked, refused
from pipelines.ingest.record_frames import in_one_task, materialised, union_all
from pipelines.ingest.rejects import Excess, TooManyRejects, excesses
from pipelines.ingest.table_rows import rows_by_table
from pipelines.ingest.validation import validated
from pipelines.ingest.verdict import Counts, conserved, with_verdict
from pipelines.lake import raw
from pipelines.lake.iceberg import catalog, spark_name
from pipelines.settings import Settings
from pipelines.streams.iceberg import STOPS, Stops, TableState, committed, table_states

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyspark.sql import DataFrame, Row, SparkSession

# The moments that `after_commit` hears of beside the tables: all records are read, all tables but the last are written.
READ, TABLES = "read", "all tables"
# The note in each snapshot of a batch that names the event types whose excess of rejects was accepted.
LET_THROUGH = "tranche.let-through"


@dataclass(slots=True)
class BatchWriter:
    """Writes one batch; each table once.

    `after_commit` is called with READ, with each table as soon as it is committed, and with TABLES before
    `raw.batches`. `listed` are the shards that the service still has; others need no stop. Event types of
    `accept_rejects` may go over their limit. `fault` is what stopped the batch.
    """

    settings: Settings
    stream_created_ms: int
    now: Callable[[], datetime]
    after_commit: Callable[[str], None] = lambda _: None
    listed: frozenset[str] | None = None
    accept_rejects: frozenset[str] = frozenset()
    fault: Exception | None = None
    lake: Catalog = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.lake = catalog(self.settings)

    def write(self, batch: DataFrame, _batch_id: int) -> None:
        """Called by Spark. The batch's number is not used: a new checkpoint counts from 0 again.

        Columns: those of the stream (`streams.records.DDL`).
        """
        try:
            # Every later step reads the records; without this each would read the stream again.
            records = materialised(with_contract_type(batch))
            stop = F.expr("max(struct(position, kinesis_sequence)) AS stop")
            ends = records.groupBy("shard", "contract_type").agg(stop, F.max("until").alias("until")).collect()
            if ends:
                self.after_commit(READ)
                self._write(batch.sparkSession, records, _Ends.of(ends))
        except Exception as fault:  # Spark reports only its text; whoever runs the stream raises the fault itself
            self.fault = fault
            raise

    def _write(self, spark: SparkSession, records: DataFrame, ends: _Ends) -> None:
        """The steps in order. Columns of `records`: those of `with_contract_type`."""
        until = ends.until
        states = table_states(self.lake, self.settings, [*raw.tables_of_a_batch(), raw.BATCHES])
        few = in_one_task(records, ends.records)
        frames = {event_type: materialised(validated(few, event_type)) for event_type in ends.event_types}
        frames, erased = blanked(frames, refused(self.settings))
        repeated, of_types = duplicates_of_batch(frames.values(), self._seen(spark, states, until), ends.records)
        judged = {name: with_verdict(frame, repeated if name in of_types else None) for name, frame in frames.items()}
        counts = conserved(judged.values(), ends.records, until)
        accepted = self._accept_excess(states, excesses(judged, counts, erased), until)
        commit = BatchCommit(spark, self.lake, self.settings, states, until, {LET_THROUGH: ",".join(sorted(accepted))})
        for table, rows, count in rows_by_table(judged, counts, self._loaded_at()):
            if commit.append(table, rows, count):
                self.after_commit(table)
        commit.reconcile()
        self.after_commit(TABLES)
        stops = self._stops(ends)
        commit.append(raw.BATCHES, self._batch_rows(spark, until, stops, counts, accepted), len(counts), {STOPS: stops})
        self.after_commit(raw.BATCHES)

    def _seen(self, spark: SparkSession, states: Mapping[str, TableState], until: int) -> DataFrame | None:
        """The event ids that the lake has from other batches; rows of this one, if it is repeated, do not count.

        Columns: event_id, body_digest.
        """
        tables = [
            spark.table(spark_name(self.settings, name))
            .where(F.col("until") != until)
            .select("event_id", "body_digest")
            for name in raw.event_tables()
            if name in states and not states[name].is_empty
        ]
        return union_all(tables) if tables else None

    def _accept_excess(self, states: Mapping[str, TableState], over: Iterable[Excess], until: int) -> frozenset[str]:
        """The event types that are over their limit and were accepted; raises TooManyRejects for any other."""
        over = tuple(over)
        begun = [state.notes.get(until, {}) for state in states.values() if until in state.batches]
        # What was accepted when the batch was begun stays accepted when it is repeated.
        accepted = self.accept_rejects.union(*(notes.get(LET_THROUGH, "").split(",") for notes in begun))
        if stopped := [excess for excess in over if excess.event_type not in accepted]:
            raise TooManyRejects(stopped)
        return frozenset(excess.event_type for excess in over)

    def _stops(self, ends: _Ends) -> str:
        """Where each shard stopped; one without a record keeps where it stopped before."""
        newest = committed(self.lake, self.settings)
        before = {} if newest is None else newest.stops.of(self.stream_created_ms, self.listed)
        return str(Stops(self.stream_created_ms, {**before, **ends.stops}))

    def _batch_rows(
        self, spark: SparkSession, until: int, stops: str, counts: Mapping[str, Counts], accepted: frozenset[str]
    ) -> DataFrame:
        """The batch's own rows, one an event type, which make it whole. Columns: those of `raw.batches`."""
        columns = (
            "event_type STRING, rows_in LONG, accepted LONG, quarantined LONG, duplicates LONG, let_through BOOLEAN"
        )
        rows = [
            (name, of.read, of.accepted, of.quarantined, of.duplicates, name in accepted) for name, of in counts.items()
        ]
        return spark.createDataFrame(rows, columns).selectExpr(
            f"{until}L AS until", "*", f"'{stops}' AS stops", f"{self._loaded_at()} AS loaded_at"
        )

    def _loaded_at(self) -> str:
        return f"TIMESTAMP '{self.now().astimezone(UTC):%Y-%m-%d %H:%M:%S}'"


@dataclass(frozen=True, slots=True)
class _Ends:
    """How far a batch goes: its end, the last record of each shard, how many there are, and their event types."""

    until: int
    stops: Mapping[str, str]
    records: int
    event_types: tuple[str, ...]

    @classmethod
    def of(cls, rows: list[Row]) -> _Ends:
        """From one row for each shard and event type: shard, contract_type, stop (position, sequence), until."""
        last: dict[str, Row] = {}
        for row in rows:
            last[row.shard] = max(row.stop, last.get(row.shard, row.stop), key=lambda stop: stop.position)
        return cls(
            until=rows[0].until,
            stops={shard: stop.kinesis_sequence for shard, stop in last.items()},
            # The source numbers the records of each shard from 1, so they need not be counted.
            records=sum(stop.position for stop in last.values()),
            event_types=tuple(sorted({row.contract_type for row in rows})),
        )
