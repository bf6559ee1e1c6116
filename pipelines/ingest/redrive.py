"""Act: quarantined rows → through the present contracts once more, into the raw tables or another try further on.

A row keeps where it came from: record (shard, sequence) and batch are its identity, so that a redrive that was cut off
finds what it has brought already and brings it once. `raw.quarantine` says last what became of each row, in one commit,
and the redrive is whole with its rows in `raw.redrives`. Quarantined rows are never deleted: what was quarantined is
quarantined still, redriven, a duplicate or parked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipelines.ingest import checked, erased_subjects
from pipelines.lake import raw
from pipelines.lake.iceberg import catalog, namespace, spark_name
from pipelines.lake.partitioning import partitions
from pipelines.lake.spark import have_table, noted
from pipelines.settings import Settings
from pipelines.streams.iceberg import Redriven, committed, redrives_of

# What a quarantined row can have become.
QUARANTINED, REDRIVEN, DUPLICATE, PARKED = "quarantined", "redriven", "duplicate", "parked"
PARK_AFTER = 3
_IN_ORDER = "coalesce(tries, 0), first_seen, until, length(kinesis_sequence), kinesis_sequence, shard"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are tried, and on whose word. Parked rows are tried only when they are asked for."""

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
    spark: Any,
    settings: Settings,
    wanted: Wanted,
    *,
    now: datetime,
    park_after: int = PARK_AFTER,
    after_commit: Callable[[str], None] = lambda _: None,
) -> RedriveReport:
    """Try the wanted rows once; safe to stop at any moment and to run again.

    A row that fails for the `park_after`th time is parked. Rows with fewer tries go first, so that a row which fails
    each time keeps none from its turn. Whoever calls it holds the turn to ingest: both look for duplicates and write
    what is new.
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
    spark: Any
    settings: Settings
    after_commit: Callable[[str], None]

    def cut_off(self) -> list[Redriven]:
        """Redrives that the quarantine has and `raw.redrives` has not."""
        whole = {row[0] for row in self._table(raw.REDRIVES).select("redrive_id").distinct().collect()}
        noted = redrives_of(catalog(self.settings), self.settings, raw.QUARANTINE)
        return [each for each in noted if each.redrive_id not in whole]

    def candidates(self, wanted: Wanted) -> Any:
        """The wanted rows as a batch of the stream; those of a batch that is not whole yet are its own business.

        Of what an erased subject left nothing can be tried.
        """
        newest = committed(catalog(self.settings), self.settings)
        states = f"'{QUARANTINED}', '{PARKED}'" if wanted.parked else f"'{QUARANTINED}'"
        rows = self._table(raw.QUARANTINE).where(f"coalesce(state, '{QUARANTINED}') IN ({states})")
        rows = rows.where(f"until <= {0 if newest is None else newest.until}")
        rows = rows.where(f"NOT (rule <=> '{erased_subjects.ERASED}')")
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
            f"CASE WHEN rule = '{checked.UNREADABLE}' THEN value END AS fault",
        ).localCheckpoint()

    def bring(self, rows: Any, this: Redriven) -> Any:
        """Write what is accepted or a duplicate now and not there yet; the outcome of each row by its identity."""
        heard = checked.heard(rows).localCheckpoint()
        types = sorted(row[0] for row in heard.select("contract_type").distinct().collect())
        judged = {event_type: checked.judged(heard, event_type).localCheckpoint() for event_type in types}
        judged, _ = erased_subjects.emptied(judged, erased_subjects.refused(self.settings))
        seen = self._seen(heard)
        # Cut loose from the tables that are written below: it says what was there before.
        repeated = checked.duplicates(checked.verdicts(judged.values()), seen).localCheckpoint()
        decided = {name: checked.decided(frame, repeated).localCheckpoint() for name, frame in judged.items()}
        at = _sql(this.at)
        for table, contract in raw.event_tables().items():
            if contract.event_type in decided:
                self._append(table, checked.accepted_rows(decided[contract.event_type], contract, at), this)
        parked = [checked.duplicate_rows(frame, at) for frame in decided.values()]
        self._append(raw.DUPLICATES, checked.together(parked), this)
        return checked.together(frame.select(*checked.LINEAGE, "verdict") for frame in decided.values())

    def mark(self, outcomes: Any, this: Redriven, park_after: int) -> None:
        """Say in the quarantine what became of each row, all of them in one commit."""
        view = f"redrive_{this.redrive_id.replace('.', '_')}"
        outcomes.createOrReplaceTempView(view)
        same = " AND ".join(f"q.{name} = o.{name}" for name in checked.LINEAGE)
        with noted(self.spark, this.notes()):
            self.spark.sql(
                f"MERGE INTO {spark_name(self.settings, raw.QUARANTINE)} q USING {view} o ON {same} "
                f"WHEN MATCHED THEN UPDATE SET q.tries = coalesce(q.tries, 0) + 1, q.redrive_id = '{this.redrive_id}', "
                f"q.last_tried_at = {_sql(this.at)}, q.state = CASE o.verdict WHEN '{checked.ACCEPTED}' THEN "
                f"'{REDRIVEN}' WHEN '{checked.DUPLICATE}' THEN '{DUPLICATE}' ELSE "
                f"CASE WHEN coalesce(q.tries, 0) + 1 >= {park_after} THEN '{PARKED}' ELSE '{QUARANTINED}' END END"
            )
        self.spark.catalog.dropTempView(view)
        self.after_commit(raw.QUARANTINE)

    def record(self, this: Redriven) -> dict[str, Outcome]:
        """Make the redrive whole: its rows in `raw.redrives`, counted from what the quarantine says."""
        mine = self._table(raw.QUARANTINE).where(f"redrive_id = '{this.redrive_id}'")
        found: dict[str, dict[str, int]] = {}
        for row in mine.groupBy("event_type", "state").count().collect():
            found.setdefault(row.event_type or checked.UNKNOWN_TYPE, {})[row.state] = row["count"]
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

    def _seen(self, heard: Any) -> Any | None:
        """The ids that the lake has from other records than these."""
        tables = [
            self._table(name).select("event_id", "body_digest", *checked.LINEAGE)
            for name in raw.event_tables()
            if self._exists(name)
        ]
        if not tables:
            return None
        return checked.together(tables).join(heard.select(*checked.LINEAGE), on=list(checked.LINEAGE), how="left_anti")

    def _append(self, table: str, rows: Any, this: Redriven) -> None:
        have_table(self.spark, spark_name(self.settings, table), rows.schema, partitions(table))
        there = self._table(table).select(*checked.LINEAGE)
        news = rows.join(there, on=list(checked.LINEAGE), how="left_anti").localCheckpoint()
        if not news.isEmpty():
            self._write(table, news, this)

    def _write(self, table: str, rows: Any, this: Redriven) -> None:
        writer = rows.coalesce(1).writeTo(spark_name(self.settings, table))
        for note, value in this.notes().items():
            writer = writer.option(f"snapshot-property.{note}", value)
        writer.append()
        self.after_commit(table)

    def _exists(self, table: str) -> bool:
        return bool(catalog(self.settings).table_exists(f"{namespace(self.settings, 'raw')}.{table.split('.')[1]}"))

    def _table(self, table: str) -> Any:
        return self.spark.table(spark_name(self.settings, table))


def _sql(moment: datetime) -> str:
    return f"TIMESTAMP '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
