"""The gate against real frames: each rule of a contract is seen green and red."""

import json
from dataclasses import replace
from typing import Any

import pytest

from data_contracts.catalog import contract
from data_contracts.schemas import spark_struct
from pipelines.curation.gate import gate
from tests.pipelines.lake.lake import an_event

pytestmark = pytest.mark.slow


def a_frame(spark: Any, name: str, rows: list[dict[str, Any]]) -> Any:
    from pyspark.sql.types import StructType

    schema = StructType.fromJson(json.loads(spark_struct(contract(name))))
    return spark.createDataFrame([tuple(row.get(field.name) for field in schema) for row in rows], schema)


def bank_transactions(**changes: Any) -> list[dict[str, Any]]:
    rows = [an_event("bank_transaction", f"t:{n}", direction="credit" if n % 2 else "debit") for n in range(20)]
    return [row | changes for row in rows]


@pytest.mark.parametrize(
    ("rows", "broken"),
    [
        (bank_transactions(), []),
        (bank_transactions()[:1] * 2 + bank_transactions(), ["event_id_is_unique"]),
        (bank_transactions(direction="credit"), ["both_directions_occur"]),
        (bank_transactions(balance_after_minor=None), ["balance_is_mostly_known"]),
        (bank_transactions(amount_minor=100_00 * 100_000), ["amount_mean_is_plausible"]),
        (bank_transactions(account_id=None), ["account_id_is_present"]),
    ],
    ids=["green", "twice", "one direction", "no balances", "wrong unit", "no account"],
)
def test_each_rule_of_bank_transactions_is_judged(spark: Any, rows: list[dict[str, Any]], broken: list[str]) -> None:
    frame = a_frame(spark, "bank_transaction", rows)

    report = gate(frame, contract("bank_transaction"))

    assert gate(frame.toPandas(), contract("bank_transaction")).broken == report.broken
    assert report.rules == len(contract("bank_transaction").aggregate_rules)
    assert [told.partition(":")[0] for told in report.broken] == broken
    assert report.passed is (broken == [])


def test_an_empty_table_is_red(spark: Any) -> None:
    frame = a_frame(spark, "account", [])

    report = gate(frame, contract("account"))

    assert gate(frame.toPandas(), contract("account")).broken == report.broken
    assert report.broken == ("is_not_empty: The table holds rows. Found 0.",)


def test_what_is_missing_is_said(spark: Any) -> None:
    report = gate(
        a_frame(spark, "bank_transaction", bank_transactions(direction="credit")), contract("bank_transaction")
    )

    assert report.broken[0].endswith("Found no debit.")


def test_a_rule_that_cannot_be_judged_is_red_and_not_an_accident(spark: Any) -> None:
    (rule,) = (each for each in contract("account").aggregate_rules if each.name == "account_id_is_unique")
    strange = replace(contract("account"), aggregate_rules=(replace(rule, arguments=(("column", "star_sign"),)),))

    report = gate(a_frame(spark, "account", [an_event("account", "a")]), strange)

    assert not report.passed
    assert "star_sign" in report.broken[0]
