"""The renderings of a contract."""

from __future__ import annotations

import json
import subprocess
import sys

from data_contracts.catalog import contract
from data_contracts.expectations import suite
from data_contracts.schemas import spark_ddl, spark_struct, spark_text_ddl


def test_money_is_bigint_and_times_are_typed() -> None:
    lines = spark_ddl(contract("bank_transaction")).splitlines()

    assert "amount_minor BIGINT," in lines
    assert "booked_on DATE," in lines
    assert "occurred_at TIMESTAMP," in lines


def test_the_struct_carries_meaning_and_class_of_personal_data() -> None:
    fields = {field["name"]: field for field in json.loads(spark_struct(contract("account")))["fields"]}

    assert fields["opened_on"]["type"] == "date"
    assert fields["shopper_id"]["metadata"]["personal_data"] == "pseudonymous"


def test_a_payload_is_read_as_text() -> None:
    assert spark_text_ddl(["a", "b"]) == "a STRING, b STRING"


def test_the_suite_says_which_rule_each_expectation_stands_for() -> None:
    found = {each["meta"]["rule"]: each for each in suite(contract("bank_transaction"))["expectations"]}

    assert found["is_not_empty"]["type"] == "expect_table_row_count_to_be_between"
    assert found["is_not_empty"]["kwargs"] == {"min_value": 1}
    assert found["event_id_is_unique"]["kwargs"] == {"column": "event_id"}
    assert found["balance_is_mostly_known"]["kwargs"] == {"column": "balance_after_minor", "mostly": 0.8}


def test_reading_contracts_imports_no_client() -> None:
    program = (
        "import sys, data_contracts.quarantine, data_contracts.expectations, data_contracts.schemas, "
        "data_contracts.files, data_contracts.catalog as c; c.contracts(); "
        "print([m for m in ('pyspark', 'great_expectations', 'pandas', 'boto3', 'pyiceberg') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
