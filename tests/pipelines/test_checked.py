"""The check in Spark and the check in Python give one verdict."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from data_contracts.catalog import contract, event_contracts
from data_contracts.quarantine import Violation, check
from pipelines import checked
from tests.data_contracts.samples import all_rules, invalid_record, valid_record

pytestmark = pytest.mark.slow

_DDL = "shard STRING, generation INT, position LONG, sequence STRING, until LONG, payload STRING, fault STRING"
_ODD_VALUES = (
    *(None, "", " ", "x\n", "808\n", 0, -1, -0, 1.0, 12.5, 1e30, 10**17, 10**18, 10**40, True, [], {}, "ž" * 65),
    *("1995-02-29", "1995-2-1", "1995-03-01T24:00:00Z", "1995-03-01T00:00:00+01:00", "1995-03-01T00:00:00.1234567Z"),
    *("0000-01-01", "2999-12-31", "1995-03-01T00:00:00.5Z", "CZK", "czk", "credit", "007", "1e3", "'", '"', "\\", "٣"),
)


def judge(spark: Any, payloads: list[str], faults: list[str | None] | None = None) -> list[dict[str, Any]]:
    """The judged records in the order given."""
    rows = [
        ("shard-0", 0, at, str(at), 1, payload, faults[at] if faults else None) for at, payload in enumerate(payloads)
    ]
    frame = checked.judged(spark.createDataFrame(rows, _DDL))
    return [row.asDict(recursive=True) for row in sorted(frame.collect(), key=lambda row: row["position"])]


def violations(row: dict[str, Any]) -> tuple[Violation, ...]:
    return tuple(Violation(each["rule"], each["column"], each["value"]) for each in row["violations"])


def test_every_sample_of_every_contract_gets_the_verdict_of_the_contract(spark: Any) -> None:
    on_stream = event_contracts().values()
    records = [(found, valid_record(found)) for found in on_stream]
    # A record of another type is judged by that type's contract, and by none here.
    broken = [(found, rule) for found, rule in all_rules() if found in on_stream and rule.column.name != "event_type"]
    records += [(found, invalid_record(found, rule)) for found, rule in broken]

    rows = judge(spark, [json.dumps(record) for _, record in records])

    assert [violations(row) for row in rows] == [check(found, record) for found, record in records]
    assert all(violations(row) for row in rows[len(on_stream) :])


def test_random_breakage_gets_the_same_verdict_from_spark_and_from_python(spark: Any) -> None:
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
    expected = [[each.rule for each in check(found, record)] for found, record in records]
    different = [each for each in zip(records, rules, expected, strict=True) if each[1] != each[2]]
    assert different == []


def test_a_type_nobody_knows_and_a_payload_nobody_can_read_are_violations(spark: Any) -> None:
    stranger = valid_record(contract("account")) | {"event_type": "account.v9"}
    payloads = [json.dumps(stranger), json.dumps({"event_id": "x"}), "{", "base64:/w=="]

    rows = judge(spark, payloads, [None, None, "not JSON", "not UTF-8 at byte 0"])

    assert [violations(row) for row in rows] == [
        (Violation("event_type.known", "event_type", "account.v9"),),
        (Violation("event_type.known", "event_type", None),),
        (Violation("payload.readable", "payload", "not JSON"),),
        (Violation("payload.readable", "payload", "not UTF-8 at byte 0"),),
    ]
    assert [row["contract_type"] for row in rows] == [checked.UNKNOWN_TYPE] * 4
    assert [row["contract_version"] for row in rows] == [None] * 4


def test_of_a_repeated_id_the_first_in_the_older_shard_is_kept(spark: Any) -> None:
    payload = json.dumps(valid_record(contract("account")))
    changed = json.dumps(valid_record(contract("account")) | {"shopper_id": "another"})
    rows = [
        ("child", 1, 1, "1", 1, payload, None),
        ("parent", 0, 2, "2", 1, payload, None),
        ("parent", 0, 3, "3", 1, changed, None),
    ]
    judged = checked.judged(spark.createDataFrame(rows, _DDL))

    found = {(row["at_shard"], row["at_position"]): row["reason"] for row in checked.duplicates(judged, None).collect()}

    assert found == {("child", 1): "repeated", ("parent", 3): "another body under a known event_id"}
