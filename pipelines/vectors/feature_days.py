"""Integer sums by day of a source's events, so that a daily build reads only days that gained events.

An entity's day has one row for every midnight by which some of its events first became known, so that late events are
not used before they were known. The files added to the curated table since the last refresh show which days gained
events. If rows were changed or removed, or a measure changed, all days are read again.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name everyone knows them by
from pyspark.sql.functions.partitioning import months

from features.as_of import days_sql
from features.source import FeatureSource
from pipelines.lake.iceberg import spark_name
from pipelines.lake.iceberg_gains import days_gained
from pipelines.lake.spark import at_snapshot, noted
from pipelines.lake.table import Snapshot, Tables
from pipelines.settings import Settings
from pipelines.vectors.feature_engine import Increment

# Notes in the snapshots of the days: the digest of their definition, and the curated snapshot they were summed from.
PARTS, CURATED = "tranche.parts", "tranche.curated-snapshot-id"


class SparkDays:
    """The tables of daily sums of one lake."""

    def __init__(self, spark: SparkSession, tables: Tables, settings: Settings) -> None:
        self._spark = spark
        self._tables = tables
        self._settings = settings

    def name(self, source: FeatureSource) -> str:
        """The table's name in Spark."""
        return spark_name(self._settings, days_table(source))

    def refresh(self, source: FeatureSource, curated_id: int) -> Increment:
        """Update the days to that snapshot of the curated table; returns what had to be read."""
        kept = self._tables.newest(days_table(source))
        notes = {PARTS: parts_digest(source), CURATED: str(curated_id)}
        if kept is not None and notes.items() <= kept.summary.items():
            return Increment(source.name, 0, 0, whole=False)
        changed = self._changed(source, kept, notes)
        events = at_snapshot(self._spark, spark_name(self._settings, source.table), curated_id)
        events.where(_on("occurred_at", changed)).createOrReplaceTempView("events_of_days")
        days = self._spark.sql(days_sql(source, "events_of_days")).persist()
        try:
            events_read, count = days.agg(F.sum("events"), F.countDistinct("event_day")).collect()[0]
            self._put(self.name(source), days, changed, notes)
        finally:
            days.unpersist()
        return Increment(source.name, count, events_read or 0, whole=changed is None)

    def _put(self, name: str, days: DataFrame, changed: set[date] | None, notes: Mapping[str, str]) -> None:
        """Replace the sums of the same days, in one commit.

        A partition is a month and is replaced whole, so the other days of a touched month are rewritten as they are.
        Columns: those of `days_sql`.
        """
        with noted(self._spark, notes):
            if changed is None:
                # After a change of definition the columns differ: the table is replaced and keeps its past snapshots.
                made = days.writeTo(name).using("iceberg").partitionedBy(months("event_day"))
                made.createOrReplace()
                return
            touched = _in_months_of(changed)
            beside = self._spark.table(name).where(touched & ~_on("event_day", changed))
            days.unionByName(beside).writeTo(name).overwrite(touched)

    def _changed(self, source: FeatureSource, kept: Snapshot | None, notes: dict[str, str]) -> set[date] | None:
        """The days whose events changed since the days were summed; None for all days."""
        if kept is None or kept.summary.get(PARTS) != notes[PARTS] or CURATED not in kept.summary:
            return None
        return days_gained(self._settings, source.table, int(kept.summary[CURATED]), int(notes[CURATED]))


def days_table(source: FeatureSource) -> str:
    """The name of the table of a source's daily sums."""
    return f"features.{source.name.removesuffix('s')}_days"


def parts_digest(source: FeatureSource) -> str:
    """The digest of how days are summed; if it changes, all days are summed again."""
    canonical = json.dumps([days_sql(source, "events"), source.table])
    return hashlib.sha256(canonical.encode()).hexdigest()


def _on(column: str, days: Collection[date] | None) -> Column:
    """True where the column is on one of the days; None means every day."""
    return F.lit(True) if days is None else _in(column, [(day, day + timedelta(days=1)) for day in sorted(days)])


def _in_months_of(days: Collection[date]) -> Column:
    """True where `event_day` is in the month of one of the days, which selects whole partitions."""
    first_days = sorted({day.replace(day=1) for day in days})
    return _in("event_day", [(first, (first + timedelta(days=31)).replace(day=1)) for first in first_days])


def _in(column: str, spans: Iterable[tuple[date, date]]) -> Column:
    """True where the column is in one of the spans; ranges let Iceberg skip files and row groups."""
    inside = F.lit(False)
    for first, following in spans:
        inside |= (F.col(column) >= F.lit(first)) & (F.col(column) < F.lit(following))
    return inside
