"""Act: rebuild one event day of curated tables from raw, for example after rows were damaged.

A day whose rows are already those that raw gives is left alone, so the act is idempotent. Any other day is rebuilt on a
branch, checked with the whole table, and published in one step. A row that was moved to another day is restored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from data_contracts.catalog import event_contracts
from data_contracts.contract import Contract
from pipelines.curation.gate import Gate
from pipelines.curation.write_audit_publish import audit_branch, drop_branches, left_behind, publish_audited
from pipelines.lake.behind import CONTRACT, RAW_SNAPSHOT, behind
from pipelines.lake.iceberg import spark_name
from pipelines.lake.spark import at_snapshot, content, fitted, have_table
from pipelines.lake.table import MissingTable, VersionedTables, written_by
from pipelines.settings import Settings
from pipelines.transforms.conform import conform
from terminal.fault import Fault

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from pipelines.curation.write_audit_publish import Judge

BACKFILLED = "tranche.backfilled-day"


@dataclass(frozen=True, slots=True)
class Backfilled:
    """One table's day: its number of rows before and after, and the digest of the columns that the contract names.

    `same`: the day was left as it was; `empty`: the table was never curated.
    """

    table: str
    outcome: Literal["same", "rebuilt", "empty", "red"]
    rows_before: int = 0
    rows: int = 0
    digest_before: str = "0"
    digest: str = "0"
    broken: tuple[str, ...] = ()
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class BackfillReport:
    day: date
    tables: tuple[Backfilled, ...]


class RedBackfill(Fault):
    """Raised when a rebuilt day failed its gate; its table is unchanged."""

    def __init__(self, report: BackfillReport) -> None:
        self.report = report
        red = [each for each in report.tables if each.outcome == "red"]
        broken = ", ".join(f"{each.table} ({'; '.join(each.broken)})" for each in red)
        super().__init__(f"{report.day} not rebuilt, left as before: {broken}")


def backfill(
    spark: SparkSession,
    tables: VersionedTables,
    settings: Settings,
    day: date,
    *,
    contracts: Iterable[Contract] | None = None,
    judge: Judge | None = None,
    after_step: Callable[[str], None] = lambda _: None,
) -> BackfillReport:
    """Rebuild that day of every contract's curated table. Raises RedBackfill at the end if any gate was red."""
    judge = Gate(spark, tables, settings) if judge is None else judge
    work = _Work(spark, tables, settings, day, judge, after_step)
    chosen = event_contracts().values() if contracts is None else contracts
    report = BackfillReport(day, tuple(work.backfilled(contract) for contract in chosen))
    if any(each.outcome == "red" for each in report.tables):
        raise RedBackfill(report)
    return report


def of_table(table: str) -> Contract:
    """The contract of a curated table by its name without prefix; raises MissingTable if there is none."""
    for contract in event_contracts().values():
        if contract.curated_table == table:
            return contract
    raise MissingTable(table, written_by("curated."))


@dataclass(frozen=True, slots=True)
class _Work:
    """The arguments of one run."""

    spark: SparkSession
    tables: VersionedTables
    settings: Settings
    day: date
    judge: Judge
    after_step: Callable[[str], None]

    def backfilled(self, contract: Contract) -> Backfilled:
        source, table = contract.raw_table, contract.curated_table
        assert source is not None, contract.name
        assert table is not None, contract.name
        found = behind(self.tables, source, table)
        if found is None or found.before is None:
            return Backfilled(table, "empty")
        columns = [*(column.name for column in contract.columns), "contract_version"]
        name = spark_name(self.settings, table)
        raw = at_snapshot(self.spark, spark_name(self.settings, source), found.raw.snapshot_id)
        right = self._of_raw(raw, contract).persist()
        drop_branches(self.spark, name, left_behind(self.tables.branches(table)))
        have_table(self.spark, name, right.schema)
        try:
            rows, digest = content(right, columns)
            had, had_digest = content(self.spark.table(name).where(self._on_the_day()), columns)
            if (rows, digest) == (had, had_digest):
                return Backfilled(table, "same", had, rows, had_digest, digest)
            noted = {key: found.noted[key] for key in (RAW_SNAPSHOT, CONTRACT) if key in found.noted}
            branch = audit_branch(self.spark, name, found.raw.snapshot_id)
            verdict = publish_audited(
                branch,
                contract,
                lambda onto: self._write(onto, right),
                notes={**noted, BACKFILLED: self.day.isoformat()},
                judge=self.judge,
                after_step=self.after_step,
            )
        finally:
            right.unpersist()
        if not verdict.passed:
            return Backfilled(table, "red", had, rows, had_digest, digest, broken=verdict.broken, branch=branch.branch)
        return Backfilled(table, "rebuilt", had, rows, had_digest, digest)

    def _of_raw(self, raw: DataFrame, contract: Contract) -> DataFrame:
        """The day's rows as `curate` makes them; an id that raw has on two days counts on the day known first.

        Columns: those of the raw table → those of the curated one.
        """
        ids = raw.where(self._on_the_day()).select("event_id").distinct()
        return conform(raw.join(ids, on="event_id", how="left_semi"), contract).where(self._on_the_day())

    def _write(self, onto: str, right: DataFrame) -> None:
        """Replace the day's rows, and rows elsewhere with the same ids. Columns: those of the curated table."""
        right.select("event_id").createOrReplaceTempView("backfilled_ids")
        for gone in (self._on_the_day(), "event_id IN (SELECT event_id FROM backfilled_ids)"):
            self.spark.sql(f"DELETE FROM {onto} WHERE {gone}")  # noqa: S608 - named by our own act, never by input
        fitted(self.spark, right, onto).writeTo(onto).append()

    def _on_the_day(self) -> str:
        """SQL for the day as a range of `occurred_at`, which lets Iceberg skip files."""
        after = self.day + timedelta(days=1)
        return f"occurred_at >= TIMESTAMP '{self.day}' AND occurred_at < TIMESTAMP '{after}'"
