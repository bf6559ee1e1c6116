"""Compaction by Spark: rewrite a table's rows into fewer files, with a note in the commit that no row changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def compact(spark: SparkSession, table: str, notes: Mapping[str, str], fewest: int) -> int:
    """Rewrite small files of the main branch in partitions with at least `fewest` of them; returns the number read.

    Uses Iceberg's Java action, because its SQL procedure cannot put notes into the commit.
    """
    jvm, session = spark._jvm, spark._jsparkSession  # noqa: SLF001 - the only way to Iceberg's Java interface
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
