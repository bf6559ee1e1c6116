"""The renderings of a contract."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pyiceberg.schema import Schema, assign_fresh_schema_ids
from pyiceberg.types import LongType

from data_contracts.catalog import contract, contracts, load_contracts, versions
from data_contracts.contract import ColumnType
from data_contracts.expectations import suite
from data_contracts.schemas import field_ids, iceberg_schema, spark_ddl, spark_struct, spark_text_ddl
from tests.data_contracts.contract_folder import a_contract_file


def test_money_is_bigint_and_times_are_typed() -> None:
    lines = spark_ddl(contract("bank_transaction")).splitlines()

    assert "amount_minor BIGINT," in lines
    assert "booked_on DATE," in lines
    assert "occurred_at TIMESTAMP," in lines


def test_the_struct_carries_meaning_and_class_of_personal_data() -> None:
    fields = {field["name"]: field for field in json.loads(spark_struct(contract("account")))["fields"]}

    assert fields["opened_on"]["type"] == "date"
    assert fields["shopper_id"]["metadata"]["personal_data"] == "pseudonymous"


def test_numbers_truths_and_nested_payloads_have_types_in_every_rendering() -> None:
    of_labels = json.loads(spark_struct(contract("labels")))["fields"]
    of_answers = {
        field["name"]: field["type"] for field in json.loads(spark_struct(contract("decision_response")))["fields"]
    }

    assert {field["name"]: field["type"] for field in of_labels}["bad"] == "boolean"
    assert (of_answers["offers"], of_answers["score"]) == ("string", "string")


@pytest.mark.parametrize("name", contracts())
def test_the_iceberg_schema_of_every_contract_is_loaded_by_pyiceberg(name: str) -> None:
    loaded = Schema.model_validate_json(iceberg_schema(versions(name)))

    assert [field.name for field in loaded.fields] == [column.name for column in contract(name).columns]
    assert [field.field_id for field in loaded.fields] == list(range(1, len(loaded.fields) + 1))
    assert all(field.doc for field in loaded.fields)
    if "amount_minor" in contract(name).by_name:
        assert loaded.find_type("amount_minor") == LongType()


def test_the_ids_are_those_that_iceberg_itself_gives_a_new_table() -> None:
    loaded = Schema.model_validate_json(iceberg_schema(versions("bank_transaction")))

    assert assign_fresh_schema_ids(loaded).fields == loaded.fields


def test_a_field_keeps_its_id_and_no_id_is_given_twice(tmp_path: Path) -> None:
    first = load_contracts(a_contract_file(tmp_path))
    carrier = first.by_name["carrier"]
    ahead = replace(first, columns=(replace(carrier, name="colour"), *first.columns))
    gone = replace(ahead, columns=tuple(column for column in ahead.columns if column.name != "carrier"))
    back = replace(gone, columns=(*gone.columns, carrier))
    retyped = replace(back, columns=tuple(
        replace(column, type=ColumnType.STRING, minimum=None) if column.name == "weight" else column
        for column in back.columns
    ))  # fmt: skip

    before = field_ids([first])
    assert field_ids([first, ahead]) == before | {"colour": 9}
    assert "carrier" not in field_ids([first, ahead, gone])
    assert field_ids([first, ahead, gone, back])["carrier"] == 10
    assert field_ids([first, ahead, gone, back, retyped]) == field_ids([first, ahead, gone, back]) | {"weight": 11}


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
        "import sys, data_contracts.catalog as c, data_contracts.check, data_contracts.event_model, "
        "data_contracts.expectations, data_contracts.files, data_contracts.json_schema, data_contracts.quarantine, "
        "data_contracts.schemas; c.contracts(); "
        "print([m for m in ('pyspark', 'great_expectations', 'pandas', 'boto3', 'pyiceberg') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
