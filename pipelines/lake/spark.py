"""Lake tables through Spark: create and extend tables, read them at a snapshot or since one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

# Sort rows by partition before writing. Otherwise a task keeps a file open for every partition at once, and a first
# load of several years runs out of memory.
ONE_WRITER = "'write.spark.fanout.enabled' = 'false'"
SNAPSHOT_PROPERTY = "spark.sql.iceberg.snapshot-property."


def have_table(spark: SparkSession, table: str, schema: StructType, partitioned_by: str = "") -> None:
    """Create the Iceberg table if it is missing; add the columns of `schema` that it lacks."""
    columns = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in schema)
    partitions = f"PARTITIONED BY ({partitioned_by}) TBLPROPERTIES ({ONE_WRITER})" if partitioned_by else ""
    spark.sql(f"CREATE TABLE IF NOT EXISTS {table} ({columns}) USING iceberg {partitions}")
    present = set(spark.table(table).columns)
    added = [field for field in schema if field.name not in present]
    if added:
        names = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in added)
        spark.sql(f"ALTER TABLE {table} ADD COLUMNS ({names})")


def at_snapshot(spark: SparkSession, table: str, snapshot_id: int) -> DataFrame:
    """The table's rows as of one snapshot. Columns: those of the table."""
    return spark.read.option("versionAsOf", snapshot_id).table(table)


def appended(spark: SparkSession, table: str, *, behind: int, until: int) -> DataFrame:
    """The rows appended after the snapshot `behind`, up to and including `until`. Columns: those of the table."""
    return spark.read.option("start-snapshot-id", behind).option("end-snapshot-id", until).table(table)


def fitted(spark: SparkSession, rows: DataFrame, table: str) -> DataFrame:
    """The rows extended to every column of the table. Columns: those of the rows, then the table's others, as null."""
    from pyspark.sql import functions as F  # noqa: N812 - the customary name

    older = [field for field in spark.table(table).schema if field.name not in rows.columns]
    return rows.select("*", *(F.lit(None).cast(field.dataType).alias(field.name) for field in older))


def content(rows: DataFrame, columns: Sequence[str]) -> tuple[int, str]:
    """The number of rows, and a digest of these columns that does not depend on the order of rows.

    Columns: at least `columns`.
    """
    row_digest = f"xxhash64(to_json(struct({', '.join(columns)})))"
    total = rows.selectExpr("count(*) AS rows", f"sum(CAST({row_digest} AS DECIMAL(38))) AS digest").collect()[0]
    return total.rows, str(total.digest or 0)


@contextmanager
def noted(spark: SparkSession, notes: Mapping[str, str]) -> Iterator[None]:
    """Put the notes into the snapshot summary of every commit of this session inside the block."""
    for name, value in notes.items():
        spark.conf.set(f"{SNAPSHOT_PROPERTY}{name}", value)
    try:
        yield
    finally:
        for name in notes:
            spark.conf.unset(f"{SNAPSHOT_PROPERTY}{name}")
