"""Compaction by Spark: rewrites a table's rows into fewer files, in a commit that notes that the rows are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def compact(spark: SparkSession, table: str, notes: Mapping[str, str], fewest: int) -> int:
    """Rewrite small files of the main branch in partitions that have at least `fewest`; returns how many were read.

    Iceberg's own action rather than its SQL procedure, which cannot put notes into the commit.
    """
    jvm, session = spark._jvm, spark._jsparkSession  # noqa: SLF001 - the one way to Iceberg's Java interface
    assert jvm is not None, "a session has a JVM until it is stopped"
    found = jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(session, table)
    actions = jvm.org.apache.iceberg.spark.actions.SparkActions.get(session)
    files = _noted(actions.rewriteDataFiles(found).option("min-input-files", str(fewest)), notes).execute()
    rewritten = int(files.rewrittenDataFilesCount())
    if rewritten:
        _noted(actions.rewriteManifests(found), notes).execute()
    return rewritten


def _noted(action: Any, notes: Mapping[str, str]) -> Any:
    for name, value in notes.items():
        action = action.snapshotProperty(name, value)
    return action
