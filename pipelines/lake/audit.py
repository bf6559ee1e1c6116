"""Write, audit, publish: a table's next state on a branch beside it, put in its place in one step or not at all.

What the writer notes about its state is in the summary of the branch's newest snapshot, so that it is there in the very
moment in which the branch becomes the table. A run that ends half way leaves a branch and nothing else; the next run
of the same table drops it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from terminal.fault import Fault

_PREFIX = "audit_"
_MOVED = re.compile(r"not an ancestor|Ref does not exist|branch does not exist", re.IGNORECASE)


class MovedMeanwhile(Fault):
    """Another writer changed the table while the branch was being judged: what was judged is not what would stand."""

    def __init__(self, table: str) -> None:
        super().__init__(f"{table} was changed by somebody else meanwhile and is as they left it; run the act again")


@dataclass(frozen=True, slots=True)
class Audit:
    """One branch beside one table, which is known by its name for Spark."""

    spark: Any
    table: str
    branch: str

    @property
    def name(self) -> str:
        """The branch as a table that Spark reads and writes."""
        return f"{self.table}.branch_{self.branch}"

    def begin(self) -> None:
        """Make the branch, equal to the table."""
        self.spark.sql(f"ALTER TABLE {self.table} CREATE OR REPLACE BRANCH {self.branch}")

    def rows(self) -> Any:
        """What the table would hold."""
        return self.spark.table(self.name)

    def publish(self) -> None:
        """Let the branch become the table; MovedMeanwhile when it no longer begins where the table ends."""
        catalogue, _, table = self.table.partition(".")
        call = f"CALL {catalogue}.system.fast_forward(table => '{table}', branch => 'main', to => '{self.branch}')"
        try:
            self.spark.sql(call)
        except Exception as fault:
            if _MOVED.search(str(fault)):
                raise MovedMeanwhile(self.table) from fault
            raise

    def end(self) -> None:
        """Drop the branch; its snapshots stay those of the table where it was published."""
        drop(self.spark, self.table, [self.branch])


def audit(spark: Any, table: str, raw_snapshot_id: int) -> Audit:
    """The branch for what is made of one raw snapshot. Two runs at once have one each; the first to publish wins."""
    run = re.sub(r"\W", "_", spark.sparkContext.applicationId)
    return Audit(spark, table, f"{_PREFIX}{raw_snapshot_id}_{run}")


def left_behind(branches: Iterable[str]) -> list[str]:
    """Those of a table's branches that an audit made."""
    return [branch for branch in branches if branch.startswith(_PREFIX)]


def drop(spark: Any, table: str, branches: Iterable[str]) -> None:
    """Drop branches, where they are still there."""
    for branch in branches:
        spark.sql(f"ALTER TABLE {table} DROP BRANCH IF EXISTS {branch}")
