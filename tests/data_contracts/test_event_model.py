"""The event model of a contract takes what the contract takes, and names the column and the rule otherwise."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from data_contracts.catalog import contract, contracts
from data_contracts.contract import Contract, RuleType
from data_contracts.event_model import event_model
from data_contracts.quarantine import text_of, typed, violations_of
from tests.data_contracts.samples import invalid_record, samples_of, valid_record

ACCOUNT = contract("account")


def errors(found: Contract, record: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as raised:
        event_model(found)(**record)
    return [(".".join(map(str, error["loc"])), error["type"]) for error in raised.value.errors()]


def values(found: Contract, record: dict[str, Any]) -> dict[str, object]:
    """What the record says, however it writes it: one moment has several texts."""
    texts = {column.name: text_of(record.get(column.name)) for column in found.columns}
    return {name: None if text is None else typed(found.by_name[name].type, text) for name, text in texts.items()}


@pytest.mark.parametrize("found", contracts().values(), ids=lambda found: found.name)
def test_the_model_and_the_contract_agree_on_every_sample(found: Contract) -> None:
    for record in samples_of(found).valid:
        made = event_model(found)(**record)
        written = json.loads(made.model_dump_json())
        assert violations_of(found, written) == ()
        assert values(found, written) == values(found, record)
    for rule in found.row_rules:
        place = "" if rule.type is RuleType.NOT_BEFORE else rule.column.name
        assert (place, rule.name) in errors(found, invalid_record(found, rule))


def test_every_broken_column_is_told_with_its_rule_and_the_value() -> None:
    with pytest.raises(ValidationError) as raised:
        event_model(ACCOUNT)(**valid_record(ACCOUNT) | {"currency": "XXX", "shopper_id": "8 08"})

    assert [error["msg"] for error in raised.value.errors()] == [
        "'8 08' breaks shopper_id.pattern",
        "'XXX' breaks currency.enum",
    ]


def test_days_and_moments_are_taken_as_such_and_written_as_the_contract_has_them() -> None:
    record = valid_record(ACCOUNT) | {
        "opened_on": date(1995, 3, 1),
        "occurred_at": datetime(1995, 3, 1, tzinfo=UTC),
        "recorded_at": datetime(1995, 3, 2, 1, tzinfo=timezone(timedelta(hours=1))),
    }

    written = json.loads(event_model(ACCOUNT)(**record).model_dump_json())

    assert violations_of(ACCOUNT, written) == ()
    assert (written["opened_on"], written["occurred_at"]) == ("1995-03-01", "1995-03-01T00:00:00Z")
    assert written["recorded_at"].startswith("1995-03-02T0")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("amount_minor", "245200", id="an amount as text"),
        pytest.param("amount_minor", 2452.0, id="an amount as a float"),
        pytest.param("amount_minor", True, id="a truth as an amount"),
        pytest.param("occurred_at", datetime(1995, 3, 1), id="a moment of no zone"),  # noqa: DTZ001 - the point
        pytest.param("booked_on", 19950301, id="a day as a number"),
        pytest.param("direction", 1, id="a number as text"),
    ],
)
def test_a_producer_is_held_to_types_more_strictly_than_a_payload(column: str, value: object) -> None:
    found = contract("bank_transaction")

    assert errors(found, valid_record(found) | {column: value}) == [(column, f"{column}.type")]


def test_a_missing_column_is_named_and_a_strange_one_refused_where_the_record_is_closed() -> None:
    record = valid_record(ACCOUNT)
    del record["currency"]
    request = contract("decision_request")

    assert errors(ACCOUNT, record) == [("currency", "missing")]
    assert errors(request, valid_record(request) | {"colour": "green"}) == [("colour", "extra_forbidden")]


def test_the_models_own_schema_tells_types_and_meanings() -> None:
    properties = event_model(contract("labels")).model_json_schema()["properties"]

    assert properties["bad"]["type"] == "boolean"
    assert properties["known_on"]["anyOf"] == [{"format": "date", "type": "string"}, {"type": "null"}]
    assert properties["loan_id"]["description"] == "The loan."
