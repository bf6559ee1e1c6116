"""Write, audit, publish: write a table's next state on a branch, check it there, then replace the table in one step.

The writer's notes are in the summary of the branch's newest snapshot, so they are published together with its rows. An
interrupted run leaves only a branch, which the next run on the same table drops.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_contracts.contract import Contract
from pipelines.curation.gate import GateReport
from pipelines.lake.spark import noted
from terminal.fault import Fault

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    Judge = Callable[[DataFrame, Contract], GateReport]

_PREFIX = "audit_"
_MOVED = re.compile(r"not an ancestor|Ref does not exist|branch does not exist", re.IGNORECASE)


class MovedMeanwhile(Fault):
    """Raised if another writer changed the table while the branch was checked, so that it cannot be published."""

    def __init__(self, table: str) -> None:
        super().__init__(f"{table} was changed by another writer meanwhile and is as they left it; run the act again")


def publish_audited(
    branch: AuditBranch,
    contract: Contract,
    write: Callable[[str], None],
    *,
    notes: Mapping[str, str],
    judge: Judge,
    after_step: Callable[[str], None],
) -> GateReport:
    """Call `write` with the branch's name, check the branch with `judge`, and publish it if it passes.

    A state that fails remains on the branch. Raises MovedMeanwhile if another writer changed the table since.
    """
    branch.begin()
    after_step("begun")
    with noted(branch.spark, notes):
        write(branch.name)
    after_step("written")
    verdict = judge(branch.rows(), contract)
    after_step("judged")
    if verdict.passed:
        branch.publish()
        after_step("published")
        branch.end()
        after_step("ended")
    return verdict


@dataclass(frozen=True, slots=True)
class AuditBranch:
    """One audit branch of one table; `table` is the table's name in Spark."""

    spark: SparkSession
    table: str
    branch: str

    @property
    def name(self) -> str:
        """The name by which Spark reads and writes the branch as a table."""
        return f"{self.table}.branch_{self.branch}"

    def begin(self) -> None:
        """Create the branch from the table's current state."""
        self.spark.sql(f"ALTER TABLE {self.table} CREATE OR REPLACE BRANCH {self.branch}")

    def rows(self) -> DataFrame:
        """The rows of the branch. Columns: those of the table."""
        return self.spark.table(self.name)

    def publish(self) -> None:
        """Fast-forward the table to the branch; raises MovedMeanwhile if the table has changed since `begin`."""
        catalogue, _, table = self.table.partition(".")
        call = f"CALL {catalogue}.system.fast_forward(table => '{table}', branch => 'main', to => '{self.branch}')"
        try:
            self.spark.sql(call)
        except Exception as fault:  # Spark wraps Iceberg's refusal in errors that differ only in their text
            if _MOVED.search(str(fault)):
                raise MovedMeanwhile(self.table) from fault
            raise

    def end(self) -> None:
        """Drop the branch; if it was published, its snapshots remain those of the table."""
        drop_branches(self.spark, self.table, [self.branch])


def audit_branch(spark: SparkSession, table: str, raw_snapshot_id: int) -> AuditBranch:
    """A new branch for rows made from one raw snapshot. Concurrent runs have their own; the first to publish wins."""
    run = re.sub(r"\W", "_", spark.sparkContext.applicationId)
    return AuditBranch(spark, table, f"{_PREFIX}{raw_snapshot_id}_{run}")


def left_behind(branches: Iterable[str]) -> list[str]:
    """The audit branches among a table's branches."""
    return [branch for branch in branches if branch.startswith(_PREFIX)]


def drop_branches(spark: SparkSession, table: str, branches: Iterable[str]) -> None:
    """Drop the branches that still exist."""
    for branch in branches:
        spark.sql(f"ALTER TABLE {table} DROP BRANCH IF EXISTS {branch}")
