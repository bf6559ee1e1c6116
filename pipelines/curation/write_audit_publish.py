"""Write, audit, publish: a table's next state is written on a branch, judged there, and replaces the table in one step.

The writer's notes are in the summary of the branch's newest snapshot, so they become the table's at the moment in which
the branch does. A run that is cut off leaves a branch and nothing else; the next run on the same table drops it.
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
    """Another writer changed the table while the branch was being judged, so the branch cannot be published."""

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
    """Call `write` with the branch's name, judge the branch, and publish it when the judge passes it.

    A state that fails stays on the branch. Raises MovedMeanwhile when another writer changed the table since.
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
    """One branch beside one table; `table` is Spark's name for it."""

    spark: SparkSession
    table: str
    branch: str

    @property
    def name(self) -> str:
        """The branch as a table that Spark reads and writes."""
        return f"{self.table}.branch_{self.branch}"

    def begin(self) -> None:
        """Make the branch, equal to the table."""
        self.spark.sql(f"ALTER TABLE {self.table} CREATE OR REPLACE BRANCH {self.branch}")

    def rows(self) -> DataFrame:
        """What the table would hold. Columns: those of the table."""
        return self.spark.table(self.name)

    def publish(self) -> None:
        """Let the branch become the table; raises MovedMeanwhile when the table has changed since `begin`."""
        catalogue, _, table = self.table.partition(".")
        call = f"CALL {catalogue}.system.fast_forward(table => '{table}', branch => 'main', to => '{self.branch}')"
        try:
            self.spark.sql(call)
        except Exception as fault:  # Spark wraps Iceberg's refusal in errors that only their text tells apart
            if _MOVED.search(str(fault)):
                raise MovedMeanwhile(self.table) from fault
            raise

    def end(self) -> None:
        """Drop the branch; the snapshots of a published one stay, as the table's."""
        drop_branches(self.spark, self.table, [self.branch])


def audit_branch(spark: SparkSession, table: str, raw_snapshot_id: int) -> AuditBranch:
    """The branch for what is made of one raw snapshot. Concurrent runs have one each; the first to publish wins."""
    run = re.sub(r"\W", "_", spark.sparkContext.applicationId)
    return AuditBranch(spark, table, f"{_PREFIX}{raw_snapshot_id}_{run}")


def left_behind(branches: Iterable[str]) -> list[str]:
    """Those of a table's branches that were made for an audit."""
    return [branch for branch in branches if branch.startswith(_PREFIX)]


def drop_branches(spark: SparkSession, table: str, branches: Iterable[str]) -> None:
    """Drop the branches that still exist."""
    for branch in branches:
        spark.sql(f"ALTER TABLE {table} DROP BRANCH IF EXISTS {branch}")
