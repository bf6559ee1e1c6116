"""Act: quarantined rows → through the present contracts once more, into the raw tables or back to quarantine.

A row keeps where it came from: record (shard, sequence) and batch are its identity, so a redrive that was cut off finds
the rows that it already wrote and writes each once. The outcomes go to `raw.quarantine` last, in one commit, and the
redrive is whole with its rows in `raw.redrives`. Rows are never deleted from quarantine; their state says whether they
are still quarantined, redriven, duplicates or parked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipelines.ingest import verdict
from pipelines.ingest.contract_type import UNKNOWN_TYPE, with_contract_type
from pipelines.ingest.duplicates import across_contracts, duplicates
from pipelines.ingest.erased_subjects import ERASED, blanked, refused
from pipelines.ingest.record_frames import LINEAGE_COLUMNS, union_all
from pipelines.ingest.table_rows import accepted_rows, duplicate_rows
from pipelines.ingest.validation import UNREADABLE, validated
from pipelines.ingest.verdict import with_verdict
from pipelines.lake import raw
from pipelines.lake.iceberg import catalog, namespace, spark_name
from pipelines.lake.partitioning import partitions
from pipelines.lake.spark import have_table, noted
from pipelines.settings import Settings
from pipelines.streams.iceberg import Redriven, committed, redrives_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# The states of a quarantined row.
QUARANTINED, REDRIVEN, DUPLICATE, PARKED = "quarantined", "redriven", "duplicate", "parked"
PARK_AFTER = 3
_IN_ORDER = "coalesce(tries, 0), first_seen, until, length(kinesis_sequence), kinesis_sequence, shard"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are tried, and who asked for it. Parked rows are tried only with `parked`."""

    by: str
    reason: str
    event_type: str | None = None
    contract_version: str | None = None
    limit: int | None = None
    parked: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the rows of one event type: tried, and redriven, a duplicate, quarantined again or parked."""

    taken: int
    redriven: int
    duplicates: int
    quarantined: int
    parked: int


@dataclass(frozen=True, slots=True)
class RedriveReport:
    """What this redrive did to each event type, and how many rows of the quarantine are in which state now."""

    redrive_id: str
    event_types: Mapping[str, Outcome]
    states: Mapping[str, int]


def redrive(
    spark: SparkSession,
    settings: Settings,
    wanted: Wanted,
    *,
    now: datetime,
    park_after: int = PARK_AFTER,
    after_commit: Callable[[str], None] = lambda _: None,
) -> RedriveReport:
    """Try the wanted rows once; safe to stop at any moment and to run again.

    A row that fails for the `park_after`th time is parked. Rows with fewer tries go first, so a row that always fails
    never blocks others. The caller must hold the turn to ingest: both look for duplicates and write what is new.
    """
    for table, ddl in raw.BESIDE.items():
        # A lake may be older than the states of its quarantine.
        have_table(spark, spark_name(settings, table), spark.createDataFrame([], ddl).schema)
    work = _Redrive(spark, settings, after_commit)
    for cut_off in work.cut_off():
        work.record(cut_off)
    this = Redriven(f"{now.astimezone(UTC):%Y%m%dT%H%M%S.%f}", wanted.by, wanted.reason, now)
    rows = work.candidates(wanted)
    if rows.isEmpty():
        return RedriveReport(this.redrive_id, {}, work.states())
    outcomes = work.bring(rows, this)
    work.mark(outcomes, this, park_after)
    return RedriveReport(this.redrive_id, work.record(this), work.states())


@dataclass(frozen=True, slots=True)
class _Redrive:
    spark: SparkSession
    settings: Settings
    after_commit: Callable[[str], None]

    def cut_off(self) -> list[Redriven]:
        """Redrives that are noted in `raw.quarantine` but missing from `raw.redrives`."""
        whole = {row[0] for row in self._table(raw.REDRIVES).select("redrive_id").distinct().collect()}
        noted = redrives_of(catalog(self.settings), self.settings, raw.QUARANTINE)
        return [redriven for redriven in noted if redriven.redrive_id not in whole]

    def candidates(self, wanted: Wanted) -> DataFrame:
        """The wanted rows as a batch of the stream, without rows of unfinished batches and of erased subjects.

        Columns: those of `raw.quarantine` → those of the stream, without event_type.
        """
        newest = committed(catalog(self.settings), self.settings)
        states = f"'{QUARANTINED}', '{PARKED}'" if wanted.parked else f"'{QUARANTINED}'"
        rows = self._table(raw.QUARANTINE).where(f"coalesce(state, '{QUARANTINED}') IN ({states})")
        rows = rows.where(f"until <= {0 if newest is None else newest.until}")
        rows = rows.where(f"NOT (rule <=> '{ERASED}')")
        if wanted.event_type is not None:
            rows = rows.where(rows.event_type == wanted.event_type)
        if wanted.contract_version is not None:
            rows = rows.where(rows.contract_version == wanted.contract_version)
        numbered = rows.selectExpr("*", f"row_number() OVER (ORDER BY {_IN_ORDER}) AS place")
        if wanted.limit is not None:
            numbered = numbered.where(numbered.place <= wanted.limit)
        return numbered.selectExpr(
            "shard",
            "0 AS generation",
            "CAST(place AS BIGINT) AS position",
            "kinesis_sequence AS sequence",
            "until",
            "payload",
            f"CASE WHEN rule = '{UNREADABLE}' THEN value END AS fault",
        ).localCheckpoint()

    def bring(self, rows: DataFrame, this: Redriven) -> DataFrame:
        """Write the rows that are accepted or duplicates now and not there yet; the outcome of each row.

        Columns: those of the stream → LINEAGE_COLUMNS, verdict.
        """
        records = with_contract_type(rows).localCheckpoint()
        types = sorted(row[0] for row in records.select("contract_type").distinct().collect())
        frames = {event_type: validated(records, event_type).localCheckpoint() for event_type in types}
        frames, _ = blanked(frames, refused(self.settings))
        seen = self._seen(records)
        # A checkpoint, because it must show the tables as they are before the rows below are written.
        repeated = duplicates(across_contracts(frames.values()), seen).localCheckpoint()
        judged = {name: with_verdict(frame, repeated).localCheckpoint() for name, frame in frames.items()}
        at = _sql(this.at)
        for table, contract in raw.event_tables().items():
            if contract.event_type in judged:
                self._append(table, accepted_rows(judged[contract.event_type], contract, at), this)
        self._append(raw.DUPLICATES, union_all(duplicate_rows(frame, at) for frame in judged.values()), this)
        return union_all(frame.select(*LINEAGE_COLUMNS, "verdict") for frame in judged.values())

    def mark(self, outcomes: DataFrame, this: Redriven, park_after: int) -> None:
        """Write the outcome of each row to `raw.quarantine`, all in one commit. Columns: LINEAGE_COLUMNS, verdict."""
        view = f"redrive_{this.redrive_id.replace('.', '_')}"
        outcomes.createOrReplaceTempView(view)
        same = " AND ".join(f"q.{name} = o.{name}" for name in LINEAGE_COLUMNS)
        with noted(self.spark, this.notes()):
            self.spark.sql(
                f"MERGE INTO {spark_name(self.settings, raw.QUARANTINE)} q USING {view} o ON {same} "
                f"WHEN MATCHED THEN UPDATE SET q.tries = coalesce(q.tries, 0) + 1, q.redrive_id = '{this.redrive_id}', "
                f"q.last_tried_at = {_sql(this.at)}, q.state = CASE o.verdict WHEN '{verdict.ACCEPTED}' THEN "
                f"'{REDRIVEN}' WHEN '{verdict.DUPLICATE}' THEN '{DUPLICATE}' ELSE "
                f"CASE WHEN coalesce(q.tries, 0) + 1 >= {park_after} THEN '{PARKED}' ELSE '{QUARANTINED}' END END"
            )
        self.spark.catalog.dropTempView(view)
        self.after_commit(raw.QUARANTINE)

    def record(self, this: Redriven) -> dict[str, Outcome]:
        """Make the redrive whole: its rows in `raw.redrives`, counted from the states in `raw.quarantine`."""
        mine = self._table(raw.QUARANTINE).where(f"redrive_id = '{this.redrive_id}'")
        found: dict[str, dict[str, int]] = {}
        for row in mine.groupBy("event_type", "state").count().collect():
            found.setdefault(row.event_type or UNKNOWN_TYPE, {})[row.state] = row["count"]
        outcomes = {
            name: Outcome(sum(of.values()), *(of.get(state, 0) for state in (REDRIVEN, DUPLICATE, QUARANTINED, PARKED)))
            for name, of in sorted(found.items())
        }
        columns = (
            "redrive_id STRING, event_type STRING, taken LONG, redriven LONG, duplicates LONG, quarantined LONG, "
            "parked LONG, done_by STRING, reason STRING"
        )
        rows = [
            (
                this.redrive_id,
                name,
                of.taken,
                of.redriven,
                of.duplicates,
                of.quarantined,
                of.parked,
                this.by,
                this.reason,
            )
            for name, of in outcomes.items()
        ]
        frame = self.spark.createDataFrame(rows, columns).selectExpr("*", f"{_sql(this.at)} AS done_at")
        self._write(raw.REDRIVES, frame, this)
        return outcomes

    def states(self) -> dict[str, int]:
        """How many rows of the quarantine are in which state."""
        rows = (
            self._table(raw.QUARANTINE)
            .selectExpr(f"coalesce(state, '{QUARANTINED}') AS state")
            .groupBy("state")
            .count()
            .collect()
        )
        return {row.state: row["count"] for row in sorted(rows, key=lambda row: str(row.state))}

    def _seen(self, records: DataFrame) -> DataFrame | None:
        """The ids that the lake has from other records.

        Columns: those of `with_contract_type` → LINEAGE_COLUMNS, event_id, body_digest.
        """
        tables = [
            self._table(name).select("event_id", "body_digest", *LINEAGE_COLUMNS)
            for name in raw.event_tables()
            if self._exists(name)
        ]
        if not tables:
            return None
        return union_all(tables).join(records.select(*LINEAGE_COLUMNS), on=list(LINEAGE_COLUMNS), how="left_anti")

    def _append(self, table: str, rows: DataFrame, this: Redriven) -> None:
        """Write the rows whose lineage the table does not have. Columns: those of the table."""
        have_table(self.spark, spark_name(self.settings, table), rows.schema, partitions(table))
        there = self._table(table).select(*LINEAGE_COLUMNS)
        news = rows.join(there, on=list(LINEAGE_COLUMNS), how="left_anti").localCheckpoint()
        if not news.isEmpty():
            self._write(table, news, this)

    def _write(self, table: str, rows: DataFrame, this: Redriven) -> None:
        writer = rows.coalesce(1).writeTo(spark_name(self.settings, table))
        for note, value in this.notes().items():
            writer = writer.option(f"snapshot-property.{note}", value)
        writer.append()
        self.after_commit(table)

    def _exists(self, table: str) -> bool:
        return bool(catalog(self.settings).table_exists(f"{namespace(self.settings, 'raw')}.{table.split('.')[1]}"))

    def _table(self, table: str) -> DataFrame:
        """All rows. Columns: those of the table."""
        return self.spark.table(spark_name(self.settings, table))


def _sql(moment: datetime) -> str:
    return f"TIMESTAMP '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
