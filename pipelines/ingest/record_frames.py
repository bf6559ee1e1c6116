"""What the steps of a batch share: the columns of a record, and how frames are joined, kept and sized.

A batch is a pipeline of functions from frames to frames, one module a step, in this order: `contract_type`,
`validation`, `erased_subjects`, `duplicates`, `verdict`, `rejects`, `table_rows`, `batch_commit`; `batch` calls them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Where a record stands in its stream, its text, and why that text cannot be read.
RECORD_COLUMNS = ("shard", "generation", "position", "kinesis_sequence", "until", "payload", "fault")
# The part of it that identifies a row of the lake and stays with it.
LINEAGE_COLUMNS = ("shard", "kinesis_sequence", "until")
# Up to this many records are processed in one task: splitting them takes longer than the work does.
ONE_TASK = 5_000
_STRICT = "map('allowSingleQuotes', 'false', 'allowNonNumericNumbers', 'false')"


def payload_fields(ddl: str) -> str:
    """SQL for the payload's values of these columns as text; null where the record has a `fault`."""
    return f"from_json(CASE WHEN fault IS NULL THEN payload END, '{ddl}', {_STRICT})"


def union_all(frames: Iterable[DataFrame]) -> DataFrame:
    """The rows of all frames. Columns: those of each frame, which are the same."""
    return reduce(lambda one, other: one.union(other), frames)


def materialised(frame: DataFrame) -> DataFrame:
    """The same rows, computed once at first use and freed with the last reference to them.

    Spark's cache would build columns, which costs as much again as validating, and would recompute what it keeps as
    soon as a table is written that the frame was made from. Columns: those of the frame.
    """
    return frame.localCheckpoint(eager=False)


def in_one_task(frame: DataFrame, records: int) -> DataFrame:
    """The same rows, in a single partition when there are few `records`. Columns: those of the frame."""
    return frame.coalesce(1) if records <= ONE_TASK else frame
