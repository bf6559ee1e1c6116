"""Compaction by Spark: a table's rows into fewer files, in a commit that says the rows are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def compact(spark: Any, table: str, notes: Mapping[str, str], fewest: int) -> int:
    """Put the rows of main's small files together, where a partition has as many as `fewest`; how many were read.

    Iceberg's own action rather than its SQL procedure, which cannot put notes into the commit.
    """
    jvm, session = spark._jvm, spark._jsparkSession  # noqa: SLF001 - the one way to Iceberg's Java interface
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
