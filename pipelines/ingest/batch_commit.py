"""Step 8 of a batch: its rows into each table, once. A table notes in its snapshots which batches it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.ingest.verdict import NotConserved
from pipelines.lake.iceberg import spark_name
from pipelines.lake.partitioning import partitions
from pipelines.lake.spark import have_table
from pipelines.settings import Settings
from pipelines.streams.iceberg import ROWS, UNTIL, TableState, table_states

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyspark.sql import DataFrame, SparkSession

# Fewer rows than this go into one file.
ONE_FILE = 50_000


@dataclass(slots=True)
class BatchCommit:
    """Commits the rows of one batch to the tables that do not have it yet, and remembers how many each must have."""

    spark: SparkSession
    lake: Catalog
    settings: Settings
    states: Mapping[str, TableState]
    until: int
    notes: Mapping[str, str]
    _due: dict[str, int] = field(default_factory=dict)

    def append(self, table: str, rows: DataFrame, count: int, also: Mapping[str, str] | None = None) -> bool:
        """Append the rows, with the notes of `also` beside those of the batch; False when the table has the batch.

        Columns: those of the table.
        """
        self._due[table] = count
        state = self.states.get(table)
        if state is not None and self.until in state.batches:
            return False
        name = spark_name(self.settings, table)
        if state is None or not state.columns.issuperset(rows.columns):
            have_table(self.spark, name, rows.schema, partitions(table))
        writer = rows.writeTo(name)
        if count <= ONE_FILE:
            # One task has all rows of each partition, so they need not be shuffled by partition first.
            writer = rows.coalesce(1).writeTo(name).option("distribution-mode", "none")
        for note, value in {UNTIL: str(self.until), ROWS: str(count), **self.notes, **(also or {})}.items():
            writer = writer.option(f"snapshot-property.{note}", value)
        writer.append()
        return True

    def reconcile(self) -> None:
        """Raises NotConserved unless every table, read back, has as many rows of the batch as it must have."""
        states = table_states(self.lake, self.settings, self._due)
        for table, due in self._due.items():
            found = states[table].batches.get(self.until)
            if found != due:
                raise NotConserved(
                    f"batch {self.until}: {table} has {found} rows of it and {due} are due; were the contracts changed "
                    "while it was cut off?"
                )
