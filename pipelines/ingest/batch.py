"""One batch of the stream → raw tables, quarantine and parked duplicates, each table once, whole at the last commit.

A batch is written table by table and becomes whole with its row in `raw.batches`. Each table says in its snapshot
which batches it has, so that a batch that was cut off can be written again and only what is missing of it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F  # noqa: N812 - as Spark's own pages write it

from pipelines.ingest import checked, forgotten, rejects
from pipelines.lake import raw
from pipelines.lake.iceberg import catalog, spark_name
from pipelines.lake.partitioning import partitions
from pipelines.lake.spark import have_table
from pipelines.settings import Settings
from pipelines.streams.iceberg import ROWS, STOPS, UNTIL, Stops, TableState, committed, table_states
from terminal.fault import Fault

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

# The steps of a batch beside its tables, as the hook is told them: all records are read, all tables but the last are.
READ, TABLES = "read", "all tables"
LET_THROUGH = "tranche.let-through"
# So many ids are handed to every task, which saves the sorting of everything they are sought in.
SMALL = 500_000
# Fewer rows than this go into one file.
ONE_FILE = 50_000
# Fewer records than this are judged in one go: to hand out a part of them takes longer than the part does.
ONE_TASK = 5_000


class NotConserved(Fault):
    """A batch has not as many records as were read: nothing of it may count."""


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


@dataclass(slots=True)
class BatchWriter:
    """Writes one batch; each table once.

    `after_commit` is told READ, each table as soon as it is committed, and TABLES before `raw.batches`. `listed` are
    the shards that the service still has; one that it has no more needs no stop. `fault` is what stopped the batch.
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

    def write(self, batch: Any, _batch_id: int) -> None:
        """Called by Spark. The batch's number means nothing: a new checkpoint counts from 0 again."""
        try:
            # Kept, because everything that follows would read the stream again.
            heard = _kept(checked.heard(batch))
            stop = F.expr("max(struct(position, kinesis_sequence)) AS stop")
            ends = heard.groupBy("shard", "contract_type").agg(stop, F.max("until").alias("until")).collect()
            if ends:
                self.after_commit(READ)
                self._write(batch.sparkSession, heard, _Ends.of(ends))
        except Exception as fault:
            self.fault = fault
            raise

    def _write(self, spark: Any, heard: Any, ends: _Ends) -> None:
        until = ends.until
        states = table_states(self.lake, self.settings, [*raw.tables_of_a_batch(), raw.BATCHES])
        if ends.records <= ONE_TASK:
            heard = heard.coalesce(1)
        judged = {event_type: _kept(checked.judged(heard, event_type)) for event_type in ends.event_types}
        judged, erased = forgotten.emptied(judged, forgotten.refused(self.settings))
        seen = self._seen(spark, states, until)
        repeated, of_types = _repeated(checked.verdicts(judged.values()), seen, ends.records)
        decided = {
            name: checked.decided(frame, repeated if name in of_types else None) for name, frame in judged.items()
        }
        counts = conserved(decided.values(), ends.records, until)
        let_through = self._let_through(states, _excesses(decided, counts, erased), until)
        commit = _Commit(spark, self.lake, self.settings, states, until, {LET_THROUGH: ",".join(sorted(let_through))})
        loaded_at = f"TIMESTAMP '{self.now().astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
        for table, rows, count in _rows_by_table(decided, counts, loaded_at):
            if commit(table, rows, count):
                self.after_commit(table)
        commit.reconcile()
        self.after_commit(TABLES)
        stops = self._stops(ends)
        commit(raw.BATCHES, *self._whole(spark, until, stops, counts, let_through), {STOPS: stops})
        self.after_commit(raw.BATCHES)

    def _seen(self, spark: Any, states: Mapping[str, TableState], until: int) -> Any | None:
        """The event ids that the lake has from other batches; a repeated batch has not seen itself."""
        tables = [
            spark.table(spark_name(self.settings, name))
            .where(F.col("until") != until)
            .select("event_id", "body_digest")
            for name in raw.event_tables()
            if name in states and not states[name].is_empty
        ]
        return checked.together(tables) if tables else None

    def _let_through(
        self, states: Mapping[str, TableState], over: Iterable[rejects.Excess], until: int
    ) -> frozenset[str]:
        """The event types that go over their limit and may; TooManyRejects where one may not."""
        begun = [state.notes.get(until, {}) for state in states.values() if until in state.batches]
        # A batch that was begun was let through then; who repeats it has not to say so again.
        may = self.accept_rejects.union(*(notes.get(LET_THROUGH, "").split(",") for notes in begun))
        if refused := [excess for excess in over if excess.event_type not in may]:
            raise rejects.TooManyRejects(refused)
        return frozenset(excess.event_type for excess in over)

    def _stops(self, ends: _Ends) -> str:
        """Where each shard stopped; one without a record keeps where it stopped before."""
        newest = committed(self.lake, self.settings)
        before = {} if newest is None else newest.stops.of(self.stream_created_ms, self.listed)
        return str(Stops(self.stream_created_ms, {**before, **ends.stops}))

    def _whole(
        self, spark: Any, until: int, stops: str, counts: Mapping[str, Counts], let_through: frozenset[str]
    ) -> tuple[Any, int]:
        """The batch's own rows, which make it whole."""
        columns = (
            "event_type STRING, rows_in LONG, accepted LONG, quarantined LONG, duplicates LONG, let_through BOOLEAN"
        )
        rows = [
            (name, each.read, each.accepted, each.quarantined, each.duplicates, name in let_through)
            for name, each in counts.items()
        ]
        frame = spark.createDataFrame(rows, columns).selectExpr(
            f"{until}L AS until",
            "*",
            f"'{stops}' AS stops",
            f"TIMESTAMP '{self.now().astimezone(UTC):%Y-%m-%d %H:%M:%S}' AS loaded_at",
        )
        return frame, len(rows)


def _repeated(verdicts: Any, seen: Any | None, records: int) -> tuple[Any, frozenset[str]]:
    """The duplicates of a batch, as `decided` takes them, and the event types that have some."""
    if records <= ONE_TASK:
        verdicts = verdicts.coalesce(1)
    suspects = _kept(checked.suspects(verdicts, seen, is_small=records <= SMALL))
    count = suspects.count()
    if not count:
        return None, frozenset()
    few = F.broadcast(suspects) if count <= SMALL else suspects
    earlier = suspects.where("event_id IS NOT NULL").select("event_id", "body_digest")
    repeated = _kept(checked.duplicates(checked.under(verdicts, few), earlier, is_small=count <= SMALL))
    found = {row.of_type: row["count"] for row in repeated.groupBy("of_type").count().collect()}
    return F.broadcast(repeated) if sum(found.values()) <= SMALL else repeated, frozenset(found)


def _kept(frame: Any) -> Any:
    """The frame's rows as they are at first use; they are computed once and freed when nobody names them any more.

    Spark's cache would build columns, which costs as much again as judging, and would compute what it keeps anew as
    soon as a table is written that the frame was made from.
    """
    return frame.localCheckpoint(eager=False)


@dataclass(frozen=True, slots=True)
class _Ends:
    """How far a batch goes: its end, the last record of each shard, how many there are, and their event types."""

    until: int
    stops: Mapping[str, str]
    records: int
    event_types: tuple[str, ...]

    @classmethod
    def of(cls, rows: list[Any]) -> _Ends:
        last: dict[str, Any] = {}
        for row in rows:
            last[row.shard] = max(row.stop, last.get(row.shard, row.stop), key=lambda stop: stop.position)
        return cls(
            until=rows[0].until,
            stops={shard: stop.kinesis_sequence for shard, stop in last.items()},
            # The source numbers the records of each shard, from 1; they are not counted here.
            records=sum(stop.position for stop in last.values()),
            event_types=tuple(sorted({row.contract_type for row in rows})),
        )


@dataclass(slots=True)
class _Commit:
    """Commits the rows of one batch to tables that have them not, and remembers what is due in each."""

    spark: Any
    lake: Catalog
    settings: Settings
    states: Mapping[str, TableState]
    until: int
    notes: Mapping[str, str]
    _due: dict[str, int] = field(default_factory=dict)

    def __call__(self, table: str, rows: Any, count: int, also: Mapping[str, str] | None = None) -> bool:
        """Append them; False when the table has the batch already."""
        self._due[table] = count
        state = self.states.get(table)
        if state is not None and self.until in state.batches:
            return False
        name = spark_name(self.settings, table)
        if state is None or not state.columns.issuperset(rows.columns):
            have_table(self.spark, name, rows.schema, partitions(table))
        writer = rows.writeTo(name)
        if count <= ONE_FILE:
            # One task has all rows of each partition: they need not be dealt out by partition first.
            writer = rows.coalesce(1).writeTo(name).option("distribution-mode", "none")
        for note, value in {UNTIL: str(self.until), ROWS: str(count), **self.notes, **(also or {})}.items():
            writer = writer.option(f"snapshot-property.{note}", value)
        writer.append()
        return True

    def reconcile(self) -> None:
        """Each table has as many rows of the batch as are due in it, says the table itself; else NotConserved."""
        states = table_states(self.lake, self.settings, self._due)
        for table, due in self._due.items():
            found = states[table].batches.get(self.until)
            if found != due:
                raise NotConserved(
                    f"batch {self.until}: {table} has {found} rows of it and {due} are due; were the contracts changed "
                    "while it was cut off?"
                )


def conserved(decided: Iterable[Any], rows_in: int, until: int) -> dict[str, Counts]:
    """The counts of each event type in the decided frames; NotConserved when they are not what was read.

    `rows_in` is told by the source, which numbers the records of each shard, and not counted here.
    """
    outcomes = checked.together(frame.select("contract_type", "verdict") for frame in decided)
    if rows_in <= ONE_TASK:
        outcomes = outcomes.coalesce(1)
    counts: dict[str, Counts] = {}
    for row in outcomes.groupBy("contract_type", "verdict").count().collect():
        one = {
            checked.ACCEPTED: Counts(row["count"], accepted=row["count"]),
            checked.QUARANTINED: Counts(row["count"], quarantined=row["count"]),
            checked.DUPLICATE: Counts(row["count"], duplicates=row["count"]),
        }[row["verdict"]]
        counts[row["contract_type"]] = counts.get(row["contract_type"], Counts()) + one
    told = sum(counts.values(), Counts())
    if told.read != rows_in:
        raise NotConserved(f"batch {until}: {rows_in} records were read and {told.read} are accounted for: {told}")
    return dict(sorted(counts.items()))


def _rows_by_table(
    decided: Mapping[str, Any], counts: Mapping[str, Counts], loaded_at: str
) -> list[tuple[str, Any, int]]:
    """What each table gets, in the order in which it is written; a table that gets nothing is left out."""
    total = sum(counts.values(), Counts())
    beside = []
    if total.quarantined:
        frames = [checked.quarantined_rows(decided[name], loaded_at) for name, of in counts.items() if of.quarantined]
        beside.append((raw.QUARANTINE, checked.together(frames), total.quarantined))
    if total.duplicates:
        frames = [checked.duplicate_rows(decided[name], loaded_at) for name, of in counts.items() if of.duplicates]
        beside.append((raw.DUPLICATES, checked.together(frames), total.duplicates))
    return beside + [
        (table, checked.accepted_rows(decided[contract.event_type], contract, loaded_at), accepted)
        for table, contract in raw.event_tables().items()
        if (accepted := counts.get(contract.event_type, Counts()).accepted)
    ]


def _excesses(
    decided: Mapping[str, Any], counts: Mapping[str, Counts], erased: Mapping[str, int]
) -> list[rejects.Excess]:
    """The event types over their limits, each with its most frequent rules.

    That somebody was erased is no fault of a producer's.
    """
    whole = sum(counts.values(), Counts()).read
    found = []
    for event_type, limit in rejects.limits().items():
        of = counts.get(event_type, Counts())
        read = whole if event_type == checked.UNKNOWN_TYPE else of.read
        rejected = of.quarantined - erased.get(event_type, 0)
        if not rejects.worth_a_look(read, rejected, limit):
            continue
        frame = decided[event_type].where(forgotten.IS_TAKEN) if erased else decided[event_type]
        run = checked.longest_run(frame)
        if not rejects.may_reject(read, rejected, limit, run):
            rules = checked.frequent_rules(frame)
            found.append(rejects.Excess(event_type, read, rejected, limit, run, rules))
    return found
