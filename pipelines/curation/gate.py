"""The gate before a curated table: check a whole frame by its contract's aggregate rules, with Great Expectations.

It also checks what a single frame does not show: the table's size compared with before, its age at a given time, and
its references to rows of other tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from data_contracts.contract import Contract
from data_contracts.expectations import suite
from pipelines.curation.great_expectations import Verdict, expectation_verdicts
from pipelines.curation.table_guarantees import (
    Reference,
    freshness_breach,
    guarantees_of,
    reference_breach,
    volume_breach,
)
from pipelines.lake.behind import row_count
from pipelines.lake.iceberg import spark_name
from pipelines.lake.spark import at_snapshot
from pipelines.lake.table import Tables
from pipelines.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

# Tables of at most this many rows are checked in memory, which takes a tenth of the time of the Spark jobs.
IN_MEMORY = 500_000


@dataclass(frozen=True, slots=True)
class GateReport:
    """The number of rules checked; `broken` has each broken rule with its meaning and the finding."""

    contract: str
    rules: int
    broken: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether no rule is broken."""
        return not self.broken


def gate(frame: pd.DataFrame | DataFrame, contract: Contract) -> GateReport:
    """Check the whole frame, of pandas or of Spark, by the contract's own rules.

    The rules read it several times, so pass a persisted Spark frame. Columns: those that the contract's rules name.
    """
    judged = expectation_verdicts(frame, suite(contract))
    broken = tuple(_message(verdict) for verdict in judged if not verdict.holds)
    return GateReport(f"{contract.name}@{contract.version}", len(judged), broken)


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one lake: a table must keep its contract's rules and its guarantees.

    Without `fresh_at` its age is not checked, for example for historical data.
    """

    spark: SparkSession
    tables: Tables
    settings: Settings
    fresh_at: datetime | None = None

    def __call__(self, frame: DataFrame, contract: Contract) -> GateReport:
        """Check the next state of the contract's curated table. Columns: those of the curated table."""
        looked_at = frame.select(*_columns(frame, contract)).persist()
        try:
            seen = looked_at.selectExpr("count(*) AS rows", "unix_micros(max(recorded_at)) AS newest").collect()[0]
            own = gate(looked_at.toPandas() if seen.rows <= IN_MEMORY else looked_at, contract)
            guarantees = list(self._breaches(looked_at, contract, seen.rows, seen.newest))
        finally:
            looked_at.unpersist()
        broken = own.broken + tuple(breach for breach in guarantees if breach is not None)
        return replace(own, rules=own.rules + len(guarantees), broken=broken)

    def _breaches(
        self, frame: DataFrame, contract: Contract, rows: int, newest_micros: int | None
    ) -> Iterator[str | None]:
        """For each guarantee the message of its breach, or None if it is kept."""
        guaranteed, table = guarantees_of(contract), contract.curated_table
        assert table is not None, contract.name
        newest = None if newest_micros is None else datetime.fromtimestamp(newest_micros / 1e6, UTC)
        yield volume_breach(guaranteed, rows=rows, before=row_count(self.tables.newest(table)))
        yield freshness_breach(guaranteed, newest=newest, at=self.fresh_at)
        for reference in guaranteed.references:
            yield reference_breach(reference, astray=self._astray(frame, reference))

    def _astray(self, frame: DataFrame, reference: Reference) -> int:
        """The number of distinct values that the referenced table does not have; nulls are ignored."""
        values = frame.select(reference.column).dropna().distinct()
        newest = self.tables.newest(reference.table)
        if newest is not None:
            known = at_snapshot(self.spark, spark_name(self.settings, reference.table), newest.snapshot_id)
            values = values.join(known, on=values[reference.column] == known[reference.key], how="left_anti")
        return int(values.count())


def _columns(frame: DataFrame, contract: Contract) -> list[str]:
    """The columns that rules read, so that a wide table is not read whole."""
    named = {value for rule in contract.aggregate_rules for _, value in rule.arguments if isinstance(value, str)}
    named |= {name for rule in contract.aggregate_rules for _, value in rule.arguments for name in _names(value)}
    named |= {reference.column for reference in guarantees_of(contract).references} | {"recorded_at"}
    return [name for name in frame.columns if name in named]


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list | tuple) else []


def _message(verdict: Verdict) -> str:
    return f"{verdict.rule}: {verdict.meaning} Found {verdict.found}."
