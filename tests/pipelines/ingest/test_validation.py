"""The check in Spark and the check in Python give one verdict."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from data_contracts.catalog import contract, event_contracts
from data_contracts.contract import Column, ColumnType, Contract
from data_contracts.quarantine import Violation, violations_of
from pipelines.ingest import contract_type, validation
from tests.data_contracts.samples import all_rules, invalid_record, valid_record

pytestmark = pytest.mark.slow

_DDL = "shard STRING, generation INT, position LONG, sequence STRING, until LONG, payload STRING, fault STRING"
_ODD_VALUES = (
    *(None, "", " ", "x\n", "808\n", 0, -1, -0, 1.0, 12.5, 1e30, 10**17, 10**18, 10**40, True, [], {}, "ž" * 65),
    *("1995-02-29", "1995-2-1", "1995-03-01T24:00:00Z", "1995-03-01T00:00:00+01:00", "1995-03-01T00:00:00.1234567Z"),
    *("0000-01-01", "2999-12-31", "1995-03-01T00:00:00.5Z", "CZK", "czk", "credit", "007", "1e3", "'", '"', "\\", "٣"),
)


def judge(spark: SparkSession, payloads: list[str], faults: list[str | None] | None = None) -> list[dict[str, Any]]:
    """The judged records in the order given."""
    rows = [
        ("shard-0", 0, at, str(at), 1, payload, faults[at] if faults else None) for at, payload in enumerate(payloads)
    ]
    frames = judged(spark.createDataFrame(rows, _DDL))
    found = [row.asDict(recursive=True) for frame in frames for row in frame.collect()]
    return sorted(found, key=lambda row: int(row["position"]))


def judged(batch: DataFrame) -> list[DataFrame]:
    """The batch by the contract of each event type that it holds."""
    records = contract_type.with_contract_type(batch)
    types = [row[0] for row in records.select("contract_type").distinct().collect()]
    return [validation.validated(records, event_type) for event_type in types]


def violations(row: dict[str, Any]) -> tuple[Violation, ...]:
    return tuple(Violation(each["rule"], each["column"], each["value"]) for each in row["violations"])


def test_every_sample_of_every_contract_gets_the_verdict_of_the_contract(spark: SparkSession) -> None:
    on_stream = event_contracts().values()
    records = [(found, valid_record(found)) for found in on_stream]
    # A record of another type is judged by that type's contract, and by none here.
    broken = [(found, rule) for found, rule in all_rules() if found in on_stream and rule.column.name != "event_type"]
    records += [(found, invalid_record(found, rule)) for found, rule in broken]

    rows = judge(spark, [json.dumps(record) for _, record in records])

    assert [violations(row) for row in rows] == [violations_of(found, record) for found, record in records]
    assert all(violations(row) for row in rows[len(on_stream) :])


def test_random_breakage_gets_the_same_verdict_from_spark_and_from_python(spark: SparkSession) -> None:
    chance = random.Random(7)
    records = []
    for _ in range(1500):
        found = chance.choice(sorted(event_contracts().values(), key=lambda each: each.name))
        record = valid_record(found)
        for column in chance.sample(sorted(set(record) - {"event_type"}), k=chance.randint(0, 3)):
            record[column] = chance.choice(_ODD_VALUES)
        records.append((found, record))

    rows = judge(spark, [json.dumps(record) for _, record in records])

    rules = [[each.rule for each in violations(row)] for row in rows]
    expected = [[each.rule for each in violations_of(found, record)] for found, record in records]
    different = [each for each in zip(records, rules, expected, strict=True) if each[1] != each[2]]
    assert different == []


def test_a_type_nobody_knows_and_a_payload_nobody_can_read_are_violations(spark: SparkSession) -> None:
    stranger = valid_record(contract("account")) | {"event_type": "account.v9"}
    payloads = [json.dumps(stranger), json.dumps({"event_id": "x"}), "{", "base64:/w=="]

    rows = judge(spark, payloads, [None, None, "not JSON", "not UTF-8 at byte 0"])

    assert [violations(row) for row in rows] == [
        (Violation("event_type.known", "event_type", "account.v9"),),
        (Violation("event_type.known", "event_type", None),),
        (Violation("payload.readable", "payload", "not JSON"),),
        (Violation("payload.readable", "payload", "not UTF-8 at byte 0"),),
    ]
    assert [row["contract_type"] for row in rows] == [contract_type.UNKNOWN_TYPE] * 4
    assert [row["contract_version"] for row in rows] == [None] * 4


def test_a_batch_is_judged_by_many_contracts_with_columns_of_other_types_under_one_name(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = contract("account")
    number = replace(account.by_name["shopper_id"], type=ColumnType.INTEGER, pattern=None)
    many = {
        f"account_{at}.v1": replace(account, name=f"account_{at}", columns=_with(account, number if at % 2 else None))
        for at in range(24)
    }
    for module in (contract_type, validation):
        monkeypatch.setattr(module, "event_contracts", lambda: many)
    record = valid_record(account) | {"shopper_id": "seven"}

    rows = judge(spark, [json.dumps(record | {"event_id": name, "event_type": name}) for name in many])

    assert [row["contract_type"] for row in rows] == list(many)
    assert [[each.rule for each in violations(row)] for row in rows] == [
        ["shopper_id.type"] if at % 2 else [] for at in range(24)
    ]


def _with(account: Contract, changed: Column | None) -> tuple[Column, ...]:
    """The account's columns, one of them changed, and its event type any that the test makes up."""
    columns = [
        replace(column, valid_values=()) if column.name == "event_type" else column for column in account.columns
    ]
    return tuple(changed if changed is not None and column.name == changed.name else column for column in columns)
