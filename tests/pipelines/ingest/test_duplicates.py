"""Which records of a batch repeat an event id, by the exact search and by the search for candidates before it."""

from __future__ import annotations

import json

import pytest
from pyspark.sql import DataFrame, SparkSession

from data_contracts.catalog import contract
from pipelines.ingest.contract_type import with_contract_type
from pipelines.ingest.duplicates import across_contracts, candidate_duplicates, duplicates, with_suspect_ids
from pipelines.ingest.validation import validated
from tests.data_contracts.samples import valid_record

pytestmark = pytest.mark.slow

DDL = "shard STRING, generation INT, position LONG, sequence STRING, until LONG, payload STRING, fault STRING"


def test_of_a_repeated_id_the_first_in_the_older_shard_is_kept(spark: SparkSession) -> None:
    payload = json.dumps(valid_record(contract("account")))
    changed = json.dumps(valid_record(contract("account")) | {"shopper_id": "another"})
    rows = [
        ("child", 1, 1, "1", 1, payload, None),
        ("parent", 0, 2, "2", 1, payload, None),
        ("parent", 0, 3, "3", 1, changed, None),
    ]
    batch = spark.createDataFrame(rows, DDL)
    records = across_contracts([validated(with_contract_type(batch), "account.v1")])

    found = {(row.at_shard, row.at_position): row.reason for row in duplicates(records, None).collect()}

    assert found == {("child", 1): "repeated", ("parent", 3): "another body under a known event_id"}


def test_ids_that_are_all_new_leave_no_candidates_and_each_repeated_one_is_among_them(spark: SparkSession) -> None:
    ids = [str(at) for at in range(50)]
    records = valid_records(spark, [*ids, "7", "7"])
    seen = spark.createDataFrame([("9", 1), ("long ago", 2)], "event_id STRING, body_digest LONG")

    candidates = candidate_duplicates(records, seen)

    assert candidate_duplicates(valid_records(spark, ids), None).collect() == []
    assert [(row.event_id, row.body_digest) for row in candidates.where("event_id IS NOT NULL").collect()] == [("9", 1)]
    suspects = with_suspect_ids(records, candidates)
    assert sorted(row.event_id for row in suspects.collect()) == ["7", "7", "7", "9"]
    found = duplicates(suspects, candidates.where("event_id IS NOT NULL").select("event_id", "body_digest"))
    assert sorted(found.collect()) == sorted(duplicates(records, seen).collect())


def valid_records(spark: SparkSession, ids: list[str]) -> DataFrame:
    """Valid records of these ids, one behind the other in a shard."""
    rows = [("s", 0, at, event_id, "account.v1", [], "1.0.0", 1) for at, event_id in enumerate(ids)]
    columns = (
        "shard STRING, generation INT, position LONG, event_id STRING, contract_type STRING, "
        "violations ARRAY<STRING>, contract_version STRING, body_digest LONG"
    )
    return spark.createDataFrame(rows, columns)
