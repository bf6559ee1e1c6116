"""Lake tables as Spark sees them: made when missing, grown when a column is new, read at one snapshot or since one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

# Rows are sorted by partition before they are written. Else a task keeps the file of every partition open at once, and
# a first load of years runs out of memory.
ONE_WRITER = "'write.spark.fanout.enabled' = 'false'"
SNAPSHOT_PROPERTY = "spark.sql.iceberg.snapshot-property."


def have_table(spark: Any, table: str, schema: Any, partitioned_by: str = "") -> None:
    """Make the Iceberg table when it is missing; add the columns of `schema` (a StructType) that it lacks."""
    columns = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in schema)
    partitions = f"PARTITIONED BY ({partitioned_by}) TBLPROPERTIES ({ONE_WRITER})" if partitioned_by else ""
    spark.sql(f"CREATE TABLE IF NOT EXISTS {table} ({columns}) USING iceberg {partitions}")
    present = set(spark.table(table).columns)
    added = [field for field in schema if field.name not in present]
    if added:
        names = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in added)
        spark.sql(f"ALTER TABLE {table} ADD COLUMNS ({names})")


def at_snapshot(spark: Any, table: str, snapshot_id: int) -> Any:
    """The table's rows as of one snapshot."""
    return spark.read.option("versionAsOf", snapshot_id).table(table)


def appended(spark: Any, table: str, *, behind: int, until: int) -> Any:
    """The rows that were appended behind one snapshot, up to and with another."""
    return spark.read.option("start-snapshot-id", behind).option("end-snapshot-id", until).table(table)


def fitted(spark: Any, rows: Any, table: str) -> Any:
    """The rows with every column of the table; a column that only the table has, of an older contract, is empty."""
    from pyspark.sql import functions as F  # noqa: N812 - the name everyone knows them by

    older = [field for field in spark.table(table).schema if field.name not in rows.columns]
    return rows.select("*", *(F.lit(None).cast(field.dataType).alias(field.name) for field in older))


def content(rows: Any, columns: Sequence[str]) -> tuple[int, str]:
    """How many rows there are, and a digest of these columns that is the same in whatever order they lie."""
    each = f"xxhash64(to_json(struct({', '.join(columns)})))"
    found = rows.selectExpr("count(*) AS rows", f"sum(CAST({each} AS DECIMAL(38))) AS digest").first()
    return found.rows, str(found.digest or 0)


@contextmanager
def noted(spark: Any, notes: Mapping[str, str]) -> Iterator[None]:
    """Every commit of this session inside the block carries the notes in its snapshot's summary."""
    for name, value in notes.items():
        spark.conf.set(f"{SNAPSHOT_PROPERTY}{name}", value)
    try:
        yield
    finally:
        for name in notes:
            spark.conf.unset(f"{SNAPSHOT_PROPERTY}{name}")
