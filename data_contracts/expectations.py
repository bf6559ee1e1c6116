"""A contract's rules as configurations of Great Expectations suites; imports no client."""

from __future__ import annotations

from typing import Any

from data_contracts.contract import ColumnType, Contract, RowRule, RuleType
from data_contracts.quarantine import typed

TYPED = "__typed"
"""Put behind a column's name, it is the column of its typed values in the frame that `row_suite` judges."""

_NOT_NULL = "expect_column_values_to_not_be_null"
_BETWEEN = "expect_column_values_to_be_between"


def suite(contract: Contract) -> dict[str, Any]:
    """The suite with the rules for a whole table of the contract.

    Shape: `{"name": …, "expectations": [{"type": …, "kwargs": {…}, "meta": {"rule": …, "meaning": …}}]}`.
    """
    return {
        "name": f"{contract.name}@{contract.version}",
        "expectations": [
            {
                "type": rule.expectation,
                "kwargs": dict(rule.arguments),
                "meta": {"rule": rule.name, "meaning": rule.meaning},
            }
            for rule in contract.aggregate_rules
        ],
    }


def row_suite(contract: Contract) -> dict[str, Any]:
    """The suite of the row rules, of the same shape: an independent check of what `quarantine` finds.

    It checks a frame that has each column twice, as the predicates use it: as text under its own name, and as its
    typed value (empty where it has none) under its name and `TYPED`.
    """
    return {
        "name": f"{contract.name}@{contract.version}:rows",
        "expectations": [_expectation(rule) for rule in contract.row_rules],
    }


def _expectation(rule: RowRule) -> dict[str, Any]:
    kind, kwargs = _of_rule(rule)
    return {"type": kind, "kwargs": kwargs, "meta": {"rule": rule.name, "meaning": rule.column.meaning}}


def _of_rule(rule: RowRule) -> tuple[str, dict[str, Any]]:  # noqa: PLR0911 - one for each type of rule
    text, value = {"column": rule.column.name}, {"column": f"{rule.column.name}{TYPED}"}
    match rule.type:
        case RuleType.REQUIRED:
            return _NOT_NULL, text
        case RuleType.TYPE:
            # A value that is present must have a typed value.
            condition = {"row_condition": f"`{rule.column.name}`.notnull()", "condition_parser": "pandas"}
            return _NOT_NULL, value | condition
        case RuleType.ENUM:
            return "expect_column_values_to_be_in_set", text | {"value_set": list(rule.column.valid_values)}
        case RuleType.PATTERN:
            return "expect_column_values_to_match_regex", text | {"regex": rf"^(?:{rule.bound})(?![\s\S])"}
        case RuleType.LENGTH:
            return "expect_column_value_lengths_to_be_between", text | {"max_value": int(rule.bound or "")}
        case RuleType.MINIMUM:
            return _BETWEEN, value | {"min_value": _bound(rule)}
        case RuleType.MAXIMUM:
            return _BETWEEN, value | {"max_value": _bound(rule)}
        case RuleType.NOT_BEFORE:
            pair = {"column_A": f"{rule.column.name}{TYPED}", "column_B": f"{rule.bound}{TYPED}"}
            ignored = {"or_equal": True, "ignore_row_if": "either_value_is_missing"}
            return "expect_column_pair_values_a_to_be_greater_than_b", pair | ignored


def _bound(rule: RowRule) -> Any:
    bound = rule.bound or ""
    return typed(rule.column.type, bound) if rule.column.type in (ColumnType.INTEGER, ColumnType.NUMBER) else bound
