"""Reads one rule over several columns or over a whole table from a contract's document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_contracts.contract import AggregateRule, Column, ColumnType, NotBefore
from data_contracts.document import Place

_Columns = Mapping[str, Column]
_ORDERED = {ColumnType.DATE, ColumnType.TIMESTAMP, ColumnType.INTEGER, ColumnType.NUMBER}
_ALL_PERCENT = 100
_ROWS = "expect_table_row_count_to_be_between"
_NOT_NULL = "expect_column_values_to_not_be_null"

# The library metrics of the standard that are named expectations; other rules are written as expectations.
_BOUNDS = {
    "mustBe": ("min_value", "max_value"),
    "mustBeGreaterOrEqualTo": ("min_value",),
    "mustBeLessOrEqualTo": ("max_value",),
}


def read_rule(place: Place, columns: _Columns) -> NotBefore | AggregateRule | None:
    """The rule, or None with the fault noted if the entry does not define one."""
    place.mapping()
    if place["engine"].value == "tranche":
        return _not_before(place["implementation"].mapping(), columns)
    name, meaning = place["name"].text(), place["description"].text()
    if not name:
        return None
    place = place.called(name)
    if place["engine"].value == "greatExpectations":
        found = _expectation(place["implementation"].mapping(), columns)
    else:
        found = _metric(place, columns)
    return None if found is None else AggregateRule(name, meaning, found[0], tuple(sorted(found[1].items())))


def _not_before(how: Place, columns: _Columns) -> NotBefore | None:
    how["rule"].must_be("not_before")
    ends = [_known(how[end], columns) for end in ("column", "earlier")]
    if not all(ends):
        return None
    column, earlier = (columns[end] for end in ends)
    if column.type is not earlier.type or column.type not in _ORDERED:
        how["earlier"].fault(f"a {earlier.type} and a {column.type} have no order")
    if column is earlier:
        how["earlier"].fault("nothing is earlier than itself")
    return NotBefore(column.name, earlier.name)


def _expectation(how: Place, columns: _Columns) -> tuple[str, dict[str, Any]] | None:
    expectation, arguments = how["type"].text(), how["kwargs"].mapping()
    for end in ("column", "column_A", "column_B"):
        if end in arguments:
            _known(arguments[end], columns)
    plain = {
        key: list(entry) if isinstance(entry := arguments[key].value, list) else entry for key in arguments.names()
    }
    return (expectation, plain) if expectation and plain else None


def _metric(rule: Place, columns: _Columns) -> tuple[str, dict[str, Any]] | None:
    """A library metric of the standard as an expectation and its arguments."""
    metric = rule["metric"].text()
    if metric == "rowCount":
        return _row_count(rule)
    if metric not in {"duplicateValues", "nullValues"}:
        if metric:
            rule["metric"].fault(f"{metric} has no check")
        return None
    named = [_known(entry, columns) for entry in rule["arguments"].mapping()["properties"].entries()]
    if not named or not all(named):
        return None
    found = _unique(rule, named) if metric == "duplicateValues" else _present(rule, named)
    if found is None:
        rule["metric"].fault(f"{metric} with this bound has no check")
    return found


def _unique(rule: Place, named: list[str]) -> tuple[str, dict[str, Any]] | None:
    if rule["mustBe"].value != 0:
        return None
    if len(named) > 1:
        return "expect_compound_columns_to_be_unique", {"column_list": named}
    return "expect_column_values_to_be_unique", {"column": named[0]}


def _present(rule: Place, named: list[str]) -> tuple[str, dict[str, Any]] | None:
    bound = "mustBe" if "mustBe" in rule else "mustBeLessOrEqualTo"
    allowed = rule[bound].value
    if len(named) > 1 or not isinstance(allowed, int):
        return None
    if allowed == 0:
        return _NOT_NULL, {"column": named[0]}
    if rule["unit"].value == "percent" and 0 < allowed < _ALL_PERCENT:
        return _NOT_NULL, {"column": named[0], "mostly": 1 - allowed / _ALL_PERCENT}
    return None


def _row_count(rule: Place) -> tuple[str, dict[str, Any]] | None:
    if "mustBeGreaterThan" in rule:
        least = rule["mustBeGreaterThan"].whole()
        return None if least is None else (_ROWS, {"min_value": least + 1})
    limits = {end: rule[word].whole() for word, ends in _BOUNDS.items() if word in rule for end in ends}
    if not limits:
        rule.fault("rowCount needs a bound")
        return None
    return _ROWS, limits


def _known(place: Place, columns: _Columns) -> str:
    """The name of an existing column; a fault is noted for any other."""
    if isinstance(place.value, str) and place.value in columns:
        return place.value
    place.fault(f"no column {place.value!r}")
    return ""
