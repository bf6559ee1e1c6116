"""Each row rule lets its valid sample pass and catches its invalid one."""

from __future__ import annotations

import pytest

from data_contracts.catalog import contract, contracts
from data_contracts.contract import ColumnType, Contract, RowRule
from data_contracts.quarantine import Violation, text_of, typed, violations_of, violations_sql
from tests.data_contracts.samples import all_rules, invalid_record, valid_record


@pytest.mark.parametrize("found", contracts().values(), ids=lambda found: found.name)
def test_the_valid_sample_breaks_no_rule(found: Contract) -> None:
    assert violations_of(found, valid_record(found)) == ()


@pytest.mark.parametrize(
    ("found", "rule"), all_rules(), ids=[f"{found.name}-{rule.name}" for found, rule in all_rules()]
)
def test_the_invalid_sample_of_a_rule_breaks_it_and_no_other_column(found: Contract, rule: RowRule) -> None:
    broken = violations_of(found, invalid_record(found, rule))

    assert rule.name in [violation.rule for violation in broken]
    assert {violation.column for violation in broken} == {rule.column.name}


def test_all_broken_rules_are_told_in_the_order_of_the_contract() -> None:
    record = valid_record(contract("bank_transaction")) | {"amount_minor": -1, "direction": "up", "currency": None}

    assert violations_of(contract("bank_transaction"), record) == (
        Violation("direction.enum", "direction", "up"),
        Violation("amount_minor.minimum", "amount_minor", "-1"),
        Violation("currency.required", "currency", None),
    )


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        pytest.param(0, True, id="nothing"),
        pytest.param("1250", True, id="digits as a string"),
        pytest.param(12.5, False, id="a fraction"),
        pytest.param(1250.0, False, id="a float that is whole"),
        pytest.param("007", False, id="leading zeros"),
        pytest.param("1250\n", False, id="a line feed behind it"),
        pytest.param("٣", False, id="a digit of another script"),
        pytest.param(True, False, id="a truth"),
        pytest.param(10**15, True, id="the most"),
        pytest.param(10**15 + 1, False, id="one more than the most"),
        pytest.param(10**30, False, id="more than a lake column holds"),
    ],
)
def test_an_amount_is_a_whole_number_of_minor_units(value: object, accepted: bool) -> None:
    record = valid_record(contract("bank_transaction")) | {"amount_minor": value}

    assert (violations_of(contract("bank_transaction"), record) == ()) is accepted


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        pytest.param(0, True, id="nothing"),
        pytest.param(-12.5, True, id="a fraction below nought"),
        pytest.param("12.5", True, id="digits as a string"),
        pytest.param(1e-7, True, id="with an exponent"),
        pytest.param(1e99, True, id="a very large number"),
        pytest.param(1e100, False, id="an exponent of three digits"),
        pytest.param("007.5", False, id="leading zeros"),
        pytest.param(".5", False, id="no digit before the point"),
        pytest.param("5.", False, id="no digit behind the point"),
        pytest.param("NaN", False, id="not a number"),
        pytest.param(float("inf"), False, id="infinity"),
        pytest.param("1.5\n", False, id="a line feed behind it"),
        pytest.param(True, False, id="a truth"),
    ],
)
def test_a_number_is_what_json_calls_one_and_never_infinite(value: object, accepted: bool) -> None:
    assert (typed(ColumnType.NUMBER, text_of(value) or "") is not None) is accepted


@pytest.mark.parametrize(
    ("column_type", "text", "value"),
    [
        (ColumnType.BOOLEAN, "true", True),
        (ColumnType.BOOLEAN, "false", False),
        (ColumnType.BOOLEAN, "True", None),
        (ColumnType.BOOLEAN, "1", None),
        (ColumnType.OBJECT, "{}", "{}"),
        (ColumnType.OBJECT, "[]", None),
        (ColumnType.ARRAY, '[{"a": 1}]', '[{"a": 1}]'),
        (ColumnType.ARRAY, "none", None),
        (ColumnType.NUMBER, "1e3", 1000.0),
    ],
)
def test_a_text_becomes_the_value_it_stands_for(column_type: ColumnType, text: str, value: object) -> None:
    assert typed(column_type, text) == value


def test_a_column_the_contract_does_not_know_is_no_offence() -> None:
    assert violations_of(contract("account"), valid_record(contract("account")) | {"colour": "green"}) == ()


def test_the_text_of_a_value_is_what_json_writes() -> None:
    assert [text_of(value) for value in ("x", None, 12, True, {"a": [1]})] == ["x", None, "12", "true", '{"a":[1]}']


def test_a_text_that_is_not_of_the_type_has_no_typed_value() -> None:
    days = contract("account").by_name["opened_on"].type

    assert typed(days, "1995-02-28") is not None
    assert typed(days, "1995-02-29") is None


def test_the_sql_of_a_contract_names_every_rule_once() -> None:
    text = violations_sql(contract("account"), "event.", "typed.")

    assert [text.count(f"'rule', '{rule.name}'") for rule in contract("account").row_rules] == [1] * 24
