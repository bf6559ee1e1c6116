"""The JSON Schema of a contract says of every sample what the contract says, and the API's own models agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError

from data_contracts.catalog import contract, contracts, load_contracts
from data_contracts.contract import ColumnType, Contract, RowRule, RuleType
from data_contracts.json_schema import json_schema
from serving.decisions import DecisionAnswer, OrderRequest
from tests.data_contracts.contract_folder import SAMPLES, a_contract_file
from tests.data_contracts.samples import all_rules, invalid_record, samples_of, valid_record

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

MOMENTS = {ColumnType.DATE, ColumnType.TIMESTAMP}


def validator(found: Contract) -> Draft202012Validator:
    # Its import takes two seconds, which every process that collects tests would pay.
    from jsonschema import Draft202012Validator, FormatChecker

    return Draft202012Validator(json_schema(found), format_checker=FormatChecker(formats=["date"]))


def can_be_said(rule: RowRule) -> bool:
    """JSON Schema knows no order of two properties, and no limits of days and moments."""
    is_limit = rule.type in (RuleType.MINIMUM, RuleType.MAXIMUM)
    return rule.type is not RuleType.NOT_BEFORE and not (is_limit and rule.column.type in MOMENTS)


@pytest.mark.parametrize("found", contracts().values(), ids=lambda found: found.name)
def test_every_schema_is_one_and_takes_the_valid_samples(found: Contract) -> None:
    judge = validator(found)
    judge.check_schema(json_schema(found))

    for record in samples_of(found).valid:
        assert [error.message for error in judge.iter_errors(record)] == []


@pytest.mark.parametrize("found", contracts().values(), ids=lambda found: found.name)
def test_the_schema_refuses_every_sample_of_a_rule_that_it_can_say(found: Contract) -> None:
    judge = validator(found)
    for rule in found.row_rules:
        assert judge.is_valid(invalid_record(found, rule)) is not can_be_said(rule), rule.name


def test_what_cannot_be_said_is_told_in_words() -> None:
    found = json_schema(contract("account"))

    assert found["$comment"] == "recorded_at is not before occurred_at"
    assert found["properties"]["opened_on"]["$comment"] == "from 1900-01-01 to ever"


def test_an_optional_column_may_be_null_or_left_out_and_only_a_closed_record_takes_nothing_more() -> None:
    request, account = contract("decision_request"), contract("account")
    record = valid_record(request) | {"merchant_id": None}
    del record["application_id"]

    assert validator(request).is_valid(record)
    assert not validator(request).is_valid(record | {"colour": "green"})
    assert validator(account).is_valid(valid_record(account) | {"colour": "green"})


def test_a_closed_list_of_an_optional_column_holds_nothing_too(tmp_path: Path) -> None:
    found = load_contracts(a_contract_file(tmp_path))

    assert validator(found).is_valid(SAMPLES["valid"] | {"carrier": None})
    assert not validator(found).is_valid(SAMPLES["valid"] | {"carrier": "pigeon"})
    assert not validator(found).is_valid(SAMPLES["valid"] | {"fee_minor": "250"})


API: dict[str, type[BaseModel]] = {"decision_request": OrderRequest, "decision_response": DecisionAnswer}


def takes(model: type[BaseModel], record: dict[str, Any]) -> bool:
    try:
        model.model_validate(record)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", API)
def test_the_contract_and_the_api_have_the_same_fields(name: str) -> None:
    fields = API[name].model_fields
    closed = API[name].model_config.get("extra") == "forbid"

    assert sorted(contract(name).by_name) == sorted(fields)
    assert contract(name).is_closed is closed
    required = {field for field in fields if not takes(API[name], valid_record(contract(name)) | {field: None})}
    assert {column.name for column in contract(name).columns if column.required} == required


@pytest.mark.parametrize("name", API)
def test_the_api_takes_the_valid_samples_and_refuses_the_others(name: str) -> None:
    assert all(takes(API[name], record) for record in samples_of(contract(name)).valid)
    assert not takes(API["decision_request"], valid_record(contract("decision_request")) | {"colour": "green"})


@pytest.mark.parametrize(
    ("found", "rule"),
    [(found, rule) for found, rule in all_rules() if found.name in API],
    ids=[f"{found.name}-{rule.name}" for found, rule in all_rules() if found.name in API],
)
def test_what_breaks_a_rule_is_refused_by_the_schema_and_by_the_api(found: Contract, rule: RowRule) -> None:
    record = invalid_record(found, rule)

    assert not validator(found).is_valid(record)
    assert not takes(API[found.name], record)
