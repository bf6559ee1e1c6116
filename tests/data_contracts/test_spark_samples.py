"""Spark and Python give one verdict on every sample, and on odd values of every type; in one pass.

The samples of what travels on the stream are judged beside the ingest, in `tests/pipelines/ingest/test_validation.py`;
here are all the others.
"""

from __future__ import annotations

import json
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from data_contracts.catalog import contracts
from data_contracts.contract import Contract
from data_contracts.quarantine import Violation, typed_sql, violations_of, violations_sql
from data_contracts.samples import read_samples
from data_contracts.schemas import spark_ddl, spark_struct, spark_text_ddl
from tests.data_contracts.feature_sets import a_feature_set
from tests.data_contracts.samples import invalid_record, samples_of

pytestmark = pytest.mark.slow

Judged = tuple[Contract, dict[str, Any]]
_ODD = (
    *(0, -1, 1.0, 12.5, 0.1, 1e-7, 1e30, 1e99, 10**17, True, False, [], {}, [1], {"a": 1}, ""),
    *(
        "0.5",
        "-0",
        "007.5",
        ".5",
        "5.",
        "NaN",
        "Infinity",
        "1e3",
        "1E+03",
        "1.5\n",
        "true",
        "True",
        "{}",
        "[]",
        "{oops",
    ),
    # Texts that Spark's casts take and a contract does not, and both ends of what it takes.
    *("+5", " 5", "5 ", "5L", "00", "\u0661", "1_0", "9" * 18, "-" + "9" * 18, f"1{0:018}", f"-1{0:018}", "9" * 30),
    *("2026-1-5", "2026-01", " 2026-01-05", "2026-01-05 ", "1000-01-01", "0999-12-31", "2999-12-31", "3000-01-01"),
    *("+2026-01-05", "12026-01-05", "-0001-01-05", "2024-02-29", "2023-02-29", "1582-10-10", "today"),
    *("2026-02-30", "2026-01-05", "2026-01-05T24:00:00Z", "2026-01-05T10:00:00Z", "ž", "'", "\\"),
)
# A value that JSON can write in several ways; Spark tells it in its own.
_NESTED_OR_FRACTION = (float, list, dict)


def test_spark_and_python_agree_on_every_sample_and_on_odd_values(spark: Any, tmp_path: Path) -> None:
    made_up = a_feature_set(tmp_path)
    beside_the_stream = [found for found in contracts().values() if found.raw_table is None]
    records: list[Judged] = [
        (found, record)
        for found in beside_the_stream
        for record in [*samples_of(found).valid, *(invalid_record(found, rule) for rule in found.row_rules)]
    ]
    samples = read_samples("made_up", tmp_path)
    records += [(made_up, record) for record in [*samples.valid, *map(samples.broken, samples.invalid)]]
    for found, valid in (
        (made_up, samples.valid[0]),
        *((each, samples_of(each).valid[0]) for each in _with_new_types()),
    ):
        records += [(found, valid | {column.name: odd}) for column in found.columns for odd in _ODD]

    verdicts = judge(spark, records)

    expected = [[_plain(violation, record) for violation in violations_of(found, record)] for found, record in records]
    different = [
        (found.name, record, spark_says, python_says)
        for (found, record), spark_says, python_says in zip(records, verdicts, expected, strict=True)
        if [_plain(violation, record) for violation in spark_says] != python_says
    ]
    assert different == []
    assert sum(map(len, expected)) > len(records) / 2


def judge(spark: Any, records: list[Judged]) -> list[list[Violation]]:
    """The rules that each record breaks by the contract's SQL, all contracts in one query."""
    frames = []
    by_contract: dict[str, list[tuple[int, str]]] = {}
    known = {found.name: found for found, _ in records}
    for place, (found, record) in enumerate(records):
        by_contract.setdefault(found.name, []).append((place, json.dumps(record, ensure_ascii=False)))
    for name, rows in by_contract.items():
        columns = known[name].columns
        texts = spark.createDataFrame(rows, "place INT, payload STRING").selectExpr(
            "place", f"from_json(payload, '{spark_text_ddl([column.name for column in columns])}') AS text"
        )
        typed = [f"{typed_sql(each.type, f'text.{each.name}')} AS {each.name}" for each in columns]
        broken = f"{violations_sql(known[name], text='text.', typed='')} AS violations"
        frames.append(texts.selectExpr("*", *typed).selectExpr("place", broken))
    found_rows = reduce(lambda one, other: one.unionAll(other), frames).collect()
    in_order = sorted(found_rows, key=lambda row: row["place"])
    return [[Violation(each["rule"], each["column"], each["value"]) for each in row["violations"]] for row in in_order]


def test_spark_loads_the_schemas_of_every_contract(spark: Any) -> None:
    from pyspark.sql.types import StructType

    for found in contracts().values():
        struct = StructType.fromJson(json.loads(spark_struct(found)))
        assert [field.dataType for field in spark.createDataFrame([], spark_ddl(found)).schema] == [
            field.dataType for field in struct
        ]


def _with_new_types() -> list[Contract]:
    return [contracts()["labels"], contracts()["decision_response"]]


def _plain(violation: Violation, record: dict[str, Any]) -> tuple[str, str | None]:
    is_loose = isinstance(record.get(violation.column), _NESTED_OR_FRACTION)
    return violation.rule, None if is_loose else violation.value
