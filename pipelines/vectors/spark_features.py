"""Build vectors with Spark over given snapshots of the curated tables."""

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name everyone knows them by

from features.as_of import point_in_time_sql
from features.catalog import FeatureSet
from features.source import FeatureSource
from pipelines.lake.iceberg import spark_name
from pipelines.lake.spark import at_snapshot, have_table, noted
from pipelines.lake.table import Tables
from pipelines.settings import Settings
from pipelines.vectors.feature_days import SparkDays
from pipelines.vectors.feature_engine import EMPTY, VECTORS, Increment, VectorRequest
from pipelines.vectors.feature_moments import APPLICATIONS, REGISTERS, moments_sql

_MOMENTS = "moments_asked"


class SparkFeatures:
    """The engine that scales out to a cluster."""

    def __init__(self, spark: SparkSession, tables: Tables, settings: Settings) -> None:
        self._spark = spark
        self._tables = tables
        self._settings = settings

    def build(self, request: VectorRequest, notes: Mapping[str, str]) -> tuple[Increment, ...]:
        name = spark_name(self._settings, request.of.table)
        days, increments = self._days(request) if request.increment else ({}, ())
        moments = self._moments(request).persist()
        vectors = self._vectors(request, moments, days).persist()
        try:
            unseen = F.count_if(F.col("observed_until").isNull())
            rows, empty = vectors.agg(F.count("*").alias("all"), unseen.alias("empty")).collect()[0]
            anew = self._tables.newest(request.of.table) is None
            have_table(self._spark, name, vectors.schema, "months(as_of)")
            with noted(self._spark, {**notes, VECTORS: str(rows), EMPTY: str(empty)}):
                self._write(vectors, name, request.of.keys[0], anew=anew)
        finally:
            vectors.unpersist()
            moments.unpersist()
        return increments

    def _days(self, request: VectorRequest) -> tuple[dict[str, str], tuple[Increment, ...]]:
        """Update the daily sums of the sources that have them; returns their tables and what was read."""
        days = SparkDays(self._spark, self._tables, self._settings)
        relations, increments = {}, []
        for source in request.of.sources:
            if source.by_days and source.table in request.inputs:
                increments.append(days.refresh(source, request.inputs[source.table]))
                relations[source.name] = days.name(source)
        return relations, tuple(increments)

    def _moments(self, request: VectorRequest) -> DataFrame:
        """The moments for which to build vectors. Columns: the entity's keys, as_of."""
        register = REGISTERS[request.of.entity].table
        relations = {
            table: self._pinned(request, table, table.replace(".", "_"))
            for table in (APPLICATIONS, register)
            if table in request.inputs
        }
        applications = None if request.increment else relations.get(APPLICATIONS)
        sql = moments_sql(request.of, request.as_of, applications=applications, register=relations.get(register))
        return self._spark.sql(sql)

    def _pinned(self, request: VectorRequest, table: str, view: str) -> str:
        name = spark_name(self._settings, table)
        at_snapshot(self._spark, name, request.inputs[table]).createOrReplaceTempView(view)
        return view

    def _vectors(self, request: VectorRequest, moments: DataFrame, days: Mapping[str, str]) -> DataFrame:
        """The vector of each moment. Columns: keys, as_of → the build's constants, then those of `_columns`."""
        moments.createOrReplaceTempView(_MOMENTS)
        events = {
            source.name: days[source.name] if source.name in days else self._events(request, source)
            for source in request.of.sources
        }
        vectors = self._spark.sql(point_in_time_sql(request.of, _MOMENTS, events, by_days=days))
        constants = [F.lit(value).alias(name) for name, value in request.constants().items()]
        return vectors.select(*constants, *_columns(request.of))

    def _events(self, request: VectorRequest, source: FeatureSource) -> str:
        view = f"{source.name}_pinned"
        if source.table in request.inputs:
            return self._pinned(request, source.table, view)
        columns = ", ".join(f"{name} {column}" for name, column in source.read_columns.items())
        self._spark.createDataFrame([], columns).createOrReplaceTempView(view)
        return view

    def _write(self, vectors: DataFrame, name: str, entity: str, *, anew: bool) -> None:
        """Insert each row, or replace the one of the same entity and moment. Columns: those of `_vectors`."""
        if anew:
            vectors.writeTo(name).append()
            return
        kept = self._spark.table(name).schema
        # A feature removed from the catalogue keeps its column for older rows.
        gone = [field for field in kept if field.name not in vectors.columns]
        for field in vectors.schema:
            if (kept[field.name].dataType.simpleString(), field.dataType.simpleString()) == ("int", "bigint"):
                self._spark.sql(f"ALTER TABLE {name} ALTER COLUMN {field.name} TYPE BIGINT")
        rows = vectors.select("*", *(F.lit(None).cast(field.dataType).alias(field.name) for field in gone))
        rows.createOrReplaceTempView("vectors_built")
        self._spark.sql(
            f"MERGE INTO {name} AS kept USING vectors_built AS built "
            f"ON kept.{entity} = built.{entity} AND kept.as_of = built.as_of "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        )


def _columns(of: FeatureSet) -> list[str]:
    until = [f"{source.name}_until" for source in of.sources]
    features = [feature.name for feature in of.lake]
    return [*of.keys, "as_of", "observed_until", "known_until", "stale", *until, *features]
