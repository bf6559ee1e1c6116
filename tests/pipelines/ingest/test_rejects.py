"""What a batch may reject before it is stopped."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from pipelines.ingest.rejects import longest_run

pytestmark = pytest.mark.slow


def test_the_longest_run_of_rejects_is_counted_shard_by_shard_in_its_order(spark: SparkSession) -> None:
    outcomes = ["quarantined", "quarantined", "accepted", "quarantined", "quarantined", "quarantined", "duplicate"]
    rows = [("a", at, each) for at, each in enumerate(outcomes)] + [("b", at, "quarantined") for at in range(2)]
    judged = spark.createDataFrame(rows[::-1], "shard STRING, position LONG, verdict STRING")

    assert longest_run(judged) == 3
    assert longest_run(judged.where("verdict = 'accepted'")) == 0
