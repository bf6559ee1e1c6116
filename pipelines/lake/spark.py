"""Lake tables as Spark sees them: made when missing, grown when a column is new, read at one snapshot."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

SNAPSHOT_PROPERTY = "spark.sql.iceberg.snapshot-property."


def have_table(spark: Any, table: str, schema: Any, partitioned_by: str = "") -> None:
    """Make the Iceberg table when it is missing; add the columns of `schema` (a StructType) that it lacks."""
    columns = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in schema)
    partitions = f"PARTITIONED BY ({partitioned_by})" if partitioned_by else ""
    spark.sql(f"CREATE TABLE IF NOT EXISTS {table} ({columns}) USING iceberg {partitions}")
    present = set(spark.table(table).columns)
    added = [field for field in schema if field.name not in present]
    if added:
        names = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in added)
        spark.sql(f"ALTER TABLE {table} ADD COLUMNS ({names})")


def at_snapshot(spark: Any, table: str, snapshot_id: int) -> Any:
    """The table's rows as of one snapshot."""
    return spark.read.option("versionAsOf", snapshot_id).table(table)


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
