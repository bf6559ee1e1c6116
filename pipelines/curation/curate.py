"""Act: raw → curated tables, one row for each event, written on a branch, checked there, and published atomically.

Each curated snapshot notes the raw snapshot that it was made from, so a run reads only the raw rows added since; the
rows are the same whether it runs after each batch of the stream or once a night. A table without such a note, or whose
raw rows were removed or changed (as by an erasure), is rebuilt from all raw rows. After a red gate, the table keeps its
snapshot and the branch remains for inspection. A killed run leaves a branch, which the next run drops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from pyspark.sql import functions as F  # noqa: N812 - the name everyone knows them by

from data_contracts.catalog import event_contracts
from data_contracts.contract import Contract
from pipelines.curation.gate import Gate
from pipelines.curation.table_guarantees import references_first
from pipelines.curation.write_audit_publish import (
    MovedMeanwhile,
    audit_branch,
    drop_branches,
    left_behind,
    publish_audited,
)
from pipelines.lake.behind import CONTRACT, RAW_SNAPSHOT, Behind, behind, row_count
from pipelines.lake.iceberg import spark_name
from pipelines.lake.partitioning import partitions
from pipelines.lake.spark import appended, at_snapshot, fitted, have_table
from pipelines.lake.table import VersionedTables
from pipelines.settings import Settings
from pipelines.transforms.changes import CuratedChanges, curated_changes
from pipelines.transforms.conform import conform
from terminal.fault import Fault

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from pipelines.curation.write_audit_publish import Judge

# How often a table is tried if another writer publishes first.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Curated:
    """The outcome for one table: written, unchanged since the raw snapshot, empty (no raw rows yet), or red.

    `rows` counts the whole table, `written` the rows added or changed, on the event days `days`; None means every day,
    when the table was rebuilt. `branch` holds the rows that a red gate refused.
    """

    table: str
    outcome: Literal["written", "unchanged", "empty", "red"]
    rows: int
    snapshot_id: int | None
    raw_snapshot_id: int | None
    broken: tuple[str, ...] = ()
    branch: str | None = None
    written: int = 0
    days: tuple[date, ...] | None = ()


@dataclass(frozen=True, slots=True)
class CurateReport:
    tables: tuple[Curated, ...]


class RedGate(Fault):
    """Raised when tables failed their gate and are unchanged; the others are curated. `report` has both."""

    def __init__(self, report: CurateReport) -> None:
        self.report = report
        red = [each for each in report.tables if each.outcome == "red"]
        broken = ", ".join(f"{each.table} ({'; '.join(each.broken)})" for each in red)
        looks = ", ".join(f"lake.{each.table} VERSION AS OF '{each.branch}'" for each in red)
        super().__init__(
            f"not curated, left as before: {broken}. What was refused can be read until the next run: {looks}"
        )


def curate(
    spark: SparkSession,
    tables: VersionedTables,
    settings: Settings,
    *,
    contracts: Iterable[Contract] | None = None,
    judge: Judge | None = None,
    fresh_at: datetime | None = None,
    whole: bool = False,
    progress: Callable[[str], None] = lambda _: None,
    after_step: Callable[[str], None] = lambda _: None,
) -> CurateReport:
    """Curate every contract's raw table. Raises RedGate at the end if any table failed its gate.

    The stream job calls this after each batch, a schedule once a night. With `fresh_at`, tables must keep their
    freshness guarantee at that time. `whole` rebuilds each table. `after_step` is called after each step of a written
    table: begun, written, judged, published, ended.
    """
    judge = Gate(spark, tables, settings, fresh_at) if judge is None else judge
    work = _Work(spark, tables, settings, judge, whole, after_step)
    done = []
    for contract in references_first(event_contracts().values() if contracts is None else contracts):
        progress(f"curating {contract.curated_table}")
        done.append(work.curated(contract))
    report = CurateReport(tuple(done))
    if any(each.outcome == "red" for each in done):
        raise RedGate(report)
    return report


@dataclass(frozen=True, slots=True)
class _Work:
    """One run, with its arguments."""

    spark: SparkSession
    tables: VersionedTables
    settings: Settings
    judge: Judge
    whole: bool
    after_step: Callable[[str], None]

    def curated(self, contract: Contract) -> Curated:
        """Curate the table of one contract; starts again if another writer changed it meanwhile."""
        for _ in range(ATTEMPTS - 1):
            try:
                return self._once(contract)
            except MovedMeanwhile:
                continue
        return self._once(contract)

    def _once(self, contract: Contract) -> Curated:
        source, table = contract.raw_table, contract.curated_table
        assert source is not None, contract.name
        assert table is not None, contract.name
        drop_branches(self.spark, spark_name(self.settings, table), left_behind(self.tables.branches(table)))
        found = behind(self.tables, source, table)
        if found is None:
            return Curated(table, "empty", 0, None, None)
        before = None if found.before is None else found.before.snapshot_id
        standing = Curated(table, "unchanged", row_count(found.before), before, found.raw.snapshot_id)
        written_for = f"{contract.name}@{contract.version}"
        if found.is_level and found.noted.get(CONTRACT) == written_for and not self.whole:
            return standing
        notes = {RAW_SNAPSHOT: str(found.raw.snapshot_id), CONTRACT: written_for}
        return self._written(contract, found, standing, notes)

    def _written(self, contract: Contract, found: Behind, standing: Curated, notes: dict[str, str]) -> Curated:
        name = spark_name(self.settings, standing.table)
        have_table(
            self.spark, name, self._everything(contract, found, conformed=True).schema, partitions(standing.table)
        )
        is_anew = self.whole or not found.is_only_short
        change = self._anew(contract, found) if is_anew else self._gained(contract, found, name)
        kept = [change.added.persist(), *([] if change.changed is None else [change.changed.persist()])]
        try:
            written = sum(frame.count() for frame in kept)
            days = None if is_anew else tuple(sorted(row.day for row in change.days.distinct().collect()))
            branch = audit_branch(self.spark, name, found.raw.snapshot_id)
            verdict = publish_audited(
                branch,
                contract,
                lambda onto: self._write(onto, change, anew=is_anew),
                notes=notes,
                judge=self.judge,
                after_step=self.after_step,
            )
        finally:
            for frame in kept:
                frame.unpersist()
        if not verdict.passed:
            return replace(standing, outcome="red", broken=verdict.broken, branch=branch.branch, written=written)
        newest = self.tables.newest(standing.table)
        assert newest is not None, standing.table
        return replace(
            standing,
            outcome="written",
            rows=row_count(newest),
            snapshot_id=newest.snapshot_id,
            written=written,
            days=days,
        )

    def _everything(self, contract: Contract, found: Behind, *, conformed: bool = False) -> DataFrame:
        """The raw rows of the snapshot. Columns: those of the raw table, or of the curated one when `conformed`."""
        assert contract.raw_table is not None, contract.name
        rows = at_snapshot(self.spark, spark_name(self.settings, contract.raw_table), found.raw.snapshot_id)
        return conform(rows, contract) if conformed else rows

    def _anew(self, contract: Contract, found: Behind) -> CuratedChanges:
        rows = self._everything(contract, found, conformed=True)
        return CuratedChanges(rows, None, rows.selectExpr("to_date(occurred_at) AS day"))

    def _gained(self, contract: Contract, found: Behind, name: str) -> CuratedChanges:
        assert contract.raw_table is not None, contract.name
        raw = spark_name(self.settings, contract.raw_table)
        everything = self._everything(contract, found)
        assert found.held is not None, "what was gained is asked of a table that is only short"
        # After a change of the contract, the table is checked and noted again even without new rows.
        gained = (
            everything.limit(0)
            if found.is_level
            else appended(self.spark, raw, behind=found.held, until=found.raw.snapshot_id)
        )
        return curated_changes(gained, everything, self.spark.table(name), contract)

    def _write(self, onto: str, change: CuratedChanges, *, anew: bool) -> None:
        """Write the change in one commit."""
        added = fitted(self.spark, change.added, onto)
        if anew:
            added.writeTo(onto).overwrite(F.lit(True))
        elif change.changed is None:
            added.writeTo(onto).append()
        else:
            changed = added.unionByName(fitted(self.spark, change.changed, onto))
            # Spark 4.1 finds no plan for a MERGE from a view that itself reads a table; a checkpoint reads none.
            changed.localCheckpoint().createOrReplaceTempView("curated_changes")
            self.spark.sql(
                f"MERGE INTO {onto} AS kept USING curated_changes AS changed ON kept.event_id = changed.event_id "
                "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
            )
