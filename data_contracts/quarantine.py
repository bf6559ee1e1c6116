"""A contract's row rules twice: as Spark SQL predicates, and as a check of one record in Python.

Both validate the text of a value (`1250` and `"1250"` are the same), because a payload is validated before it is
typed. They agree on every sample of `samples/`, which a test checks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from data_contracts.contract import ColumnType, Contract, RowRule, RuleType

_INTEGER = "(0|-?[1-9][0-9]{0,17})"
_DATE = "[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
_TIMESTAMP = "[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?Z"
# A number as JSON writes it; at most two digits of exponent, so that no engine's double becomes infinite.
_NUMBER = "-?(0|[1-9][0-9]{0,17})([.][0-9]{1,40})?([eE][+-]?[0-9]{1,2})?"
_SHAPES = {
    ColumnType.INTEGER: _INTEGER,
    ColumnType.NUMBER: _NUMBER,
    ColumnType.BOOLEAN: "(true|false)",
    ColumnType.DATE: _DATE,
    ColumnType.TIMESTAMP: _TIMESTAMP,
    # The payload has been parsed before: a text that begins as an object or an array is one.
    ColumnType.OBJECT: r"[{][\s\S]*[}]",
    ColumnType.ARRAY: r"\[[\s\S]*\]",
}
_FITS = {column_type: re.compile(shape).fullmatch for column_type, shape in _SHAPES.items()}
_SQL_TYPES = {
    ColumnType.INTEGER: "BIGINT",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMP",
    ColumnType.OBJECT: "STRING",
    ColumnType.ARRAY: "STRING",
}
# Types whose values each have exactly one text, with the least and the greatest value that match the type's pattern.
_WRITTEN_ONE_WAY = {
    ColumnType.INTEGER: ("-999999999999999999L", "999999999999999999L"),
    ColumnType.DATE: ("DATE '1000-01-01'", "DATE '2999-12-31'"),
}

NO_VIOLATIONS = "CAST(array() AS ARRAY<STRUCT<rule: STRING, column: STRING, value: STRING>>)"

Typed = str | int | float | date | datetime


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a record broke, the column and the value that broke it."""

    rule: str
    column: str
    value: str | None


# -- Spark SQL ---------------------------------------------------------------------------------


def typed_sql(column_type: ColumnType, text: str) -> str:
    """SQL that converts the text to the type; NULL where it is not of that type."""
    if column_type is ColumnType.STRING:
        return text
    if column_type in _WRITTEN_ONE_WAY:
        # Accepts the same texts as the pattern; converting a value and writing it again is faster than matching.
        value = f"try_cast({text} AS {_SQL_TYPES[column_type]})"
        lowest, highest = _WRITTEN_ONE_WAY[column_type]
        return f"CASE WHEN CAST({value} AS STRING) = {text} AND {value} BETWEEN {lowest} AND {highest} THEN {value} END"
    return f"CASE WHEN {_fits_sql(text, _SHAPES[column_type])} THEN try_cast({text} AS {_SQL_TYPES[column_type]}) END"


def violations_sql(contract: Contract, text: str, typed: str) -> str:
    """SQL for the array of struct(rule, column, value) of all rules that a record breaks, in the contract's order.

    `text` and `typed` are prefixes of a column's name that name its text and its typed value (`typed_sql`), so that a
    value is converted once, however many rules use it. For a string column the two are the same.
    """
    broken = [broken_sql(rule, text, typed) for rule in contract.row_rules]
    found = ", ".join(
        f"CASE WHEN {is_broken} THEN named_struct('rule', '{rule.name}', "
        f"'column', '{rule.column.name}', 'value', {text}{rule.column.name}) END"
        for rule, is_broken in zip(contract.row_rules, broken, strict=True)
    )
    # Most records break no rule; without this test an array with a place for each rule would be built and emptied.
    # Branches of a CASE become functions of their own, where a chain of ORs could outgrow what the JVM compiles.
    none = " ".join(f"WHEN {is_broken} THEN false" for is_broken in broken)
    return f"CASE WHEN CASE {none} ELSE true END THEN {NO_VIOLATIONS} ELSE array_compact(array({found})) END"


def broken_sql(rule: RowRule, text: str, typed: str) -> str:
    """SQL that is true where the record breaks the rule and false otherwise, never NULL."""
    written, value = f"{text}{rule.column.name}", f"{typed}{rule.column.name}"
    match rule.type:
        case RuleType.REQUIRED:
            return f"{written} IS NULL"
        case RuleType.TYPE:
            return f"{written} IS NOT NULL AND {value} IS NULL"
        case RuleType.ENUM:
            offends = f"{written} NOT IN ({', '.join(_quoted(word) for word in rule.column.valid_values)})"
        case RuleType.PATTERN:
            offends = f"NOT {_fits_sql(written, _bound(rule))}"
        case RuleType.LENGTH:
            offends = f"length({written}) > {_bound(rule)}"
        case RuleType.MINIMUM:
            offends = f"{value} < {_literal_sql(rule)}"
        case RuleType.MAXIMUM:
            offends = f"{value} > {_literal_sql(rule)}"
        case RuleType.NOT_BEFORE:
            offends = f"{value} < {typed}{_bound(rule)}"
    return f"coalesce({offends}, false)"


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fits_sql(text: str, pattern: str) -> str:
    # Java's $ also matches before a last line feed; "nothing follows" does not.
    return rf"({text} RLIKE r'^(?:{pattern})(?![\s\S])')"


def _literal_sql(rule: RowRule) -> str:
    if rule.column.type is ColumnType.INTEGER:
        return f"{int(_bound(rule))}L"
    if rule.column.type is ColumnType.NUMBER:
        return f"CAST('{_bound(rule)}' AS DOUBLE)"
    return f"{_SQL_TYPES[rule.column.type]} '{_bound(rule)}'"


# -- Python ------------------------------------------------------------------------------------


def text_of(value: object) -> str | None:
    """The text of a JSON value that is validated: a string itself, anything else as JSON writes it."""
    if value is None or isinstance(value, str):
        return value
    if type(value) is int:  # most values that are not text; a bool is an int as well, but another type
        return str(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def typed(column_type: ColumnType, text: str) -> Typed | None:  # noqa: PLR0911 - one for each type of column
    """The text converted to the type; None if it is not of that type."""
    if column_type is ColumnType.STRING:
        return text
    if not _FITS[column_type](text):
        return None
    match column_type:
        case ColumnType.INTEGER:
            return int(text)
        case ColumnType.NUMBER:
            return float(text)
        case ColumnType.BOOLEAN:
            return text == "true"
        case ColumnType.OBJECT | ColumnType.ARRAY:
            return text
    try:
        return date.fromisoformat(text) if column_type is ColumnType.DATE else datetime.fromisoformat(text)
    except ValueError:
        return None


def shape(column_type: ColumnType) -> str | None:
    """The pattern that the whole text of a value of the type must match; None if any text is valid."""
    return _SHAPES.get(column_type)


def violations_of(contract: Contract, record: Mapping[str, object]) -> tuple[Violation, ...]:
    """Every rule the record breaks, in the contract's order; columns outside the contract are ignored."""
    texts = {column.name: text_of(record.get(column.name)) for column in contract.columns}
    return tuple(
        Violation(rule.name, rule.column.name, texts[rule.column.name])
        for rule, is_broken in _compiled(contract.name, str(contract.version), contract.row_rules)
        if is_broken(texts)
    )


_Texts = Mapping[str, str | None]


@cache
def _compiled(
    _name: str, _version: str, rules: tuple[RowRule, ...]
) -> tuple[tuple[RowRule, Callable[[_Texts], bool]], ...]:
    return tuple((rule, predicate(rule)) for rule in rules)


def predicate(rule: RowRule) -> Callable[[Mapping[str, str | None]], bool]:
    """Whether the texts of a record break the rule; only the rule's own columns need to be among them."""
    name = rule.column.name
    if rule.type is RuleType.REQUIRED:
        return lambda texts: texts[name] is None
    if rule.type is RuleType.NOT_BEFORE:
        earlier = _bound(rule)
        return lambda texts: _is_less(_typed_of(rule, texts[name]), _typed_of(rule, texts[earlier]))
    offends = _offends(rule)
    return lambda texts: (text := texts[name]) is not None and offends(text)


def _offends(rule: RowRule) -> Callable[[str], bool]:
    match rule.type:
        case RuleType.TYPE:
            return lambda text: typed(rule.column.type, text) is None
        case RuleType.ENUM:
            values = frozenset(rule.column.valid_values)
            return lambda text: text not in values
        case RuleType.PATTERN:
            fits = re.compile(_bound(rule), re.ASCII).fullmatch
            return lambda text: fits(text) is None
        case RuleType.LENGTH:
            longest = int(_bound(rule))
            return lambda text: len(text) > longest
        case RuleType.MINIMUM:
            lowest = typed(rule.column.type, _bound(rule))
            return lambda text: _is_less(typed(rule.column.type, text), lowest)
        case RuleType.MAXIMUM:
            highest = typed(rule.column.type, _bound(rule))
            return lambda text: _is_less(highest, typed(rule.column.type, text))
        case _:
            raise AssertionError(rule)


def _typed_of(rule: RowRule, text: str | None) -> Typed | None:
    return None if text is None else typed(rule.column.type, text)


def _is_less(one: Typed | None, other: Typed | None) -> bool:
    """Whether the first is less than the second; false if either is missing or not of its type."""
    if one is None or other is None:
        return False
    return one < other  # type: ignore[operator]  # both are of the column's own type


def _bound(rule: RowRule) -> str:
    assert rule.bound is not None, rule.name
    return rule.bound
