"""A contract as JSON Schema, for senders of records who do not use our code."""

from __future__ import annotations

from typing import Any

from data_contracts.contract import Column, ColumnType, Contract, RuleType
from data_contracts.quarantine import shape, typed

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# JSON Schema cannot express the order of two columns, or limits of values that it treats as text.
UNSAID = (RuleType.NOT_BEFORE,)
_TYPES = {
    ColumnType.STRING: "string",
    ColumnType.INTEGER: "integer",
    ColumnType.NUMBER: "number",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "string",
    ColumnType.TIMESTAMP: "string",
    ColumnType.OBJECT: "object",
    ColumnType.ARRAY: "array",
}
_FORMATS = {ColumnType.DATE: "date", ColumnType.TIMESTAMP: "date-time"}
_COUNTED = {ColumnType.INTEGER, ColumnType.NUMBER}


def json_schema(contract: Contract) -> dict[str, Any]:
    """The record as JSON Schema of the 2020-12 dialect.

    It expresses all row rules except two, which it gives in words only: that one time is not before another, and
    limits of days and times. A column that may be empty may be null or left out.
    """
    found: dict[str, Any] = {
        "$schema": DIALECT,
        "$id": f"urn:tranche:contract:{contract.name}:{contract.version}",
        "title": contract.name,
        "description": contract.meaning,
        "type": "object",
        "properties": {column.name: _property(column) for column in contract.columns},
        "required": [column.name for column in contract.columns if column.required],
    }
    if contract.is_closed:
        found["additionalProperties"] = False
    if contract.orderings:
        found["$comment"] = "; ".join(f"{each.column} is not before {each.earlier}" for each in contract.orderings)
    return found


def _property(column: Column) -> dict[str, Any]:
    kind = _TYPES[column.type]
    found: dict[str, Any] = {"description": column.meaning, "type": kind if column.required else [kind, "null"]}
    if column.type in _FORMATS:
        found |= {"format": _FORMATS[column.type], "pattern": _whole(shape(column.type))}
        if column.minimum is not None or column.maximum is not None:
            found["$comment"] = f"from {column.minimum or 'ever'} to {column.maximum or 'ever'}"
    if column.valid_values:
        found["enum"] = [*(_value(column, word) for word in column.valid_values), *([] if column.required else [None])]
    if column.pattern is not None:
        found["pattern"] = _whole(column.pattern)
    if column.maximum_length is not None:
        found["maxLength"] = column.maximum_length
    if column.type in _COUNTED:
        if column.minimum is not None:
            found["minimum"] = _value(column, column.minimum)
        if column.maximum is not None:
            found["maximum"] = _value(column, column.maximum)
    return found


def _value(column: Column, text: str) -> Any:
    return typed(column.type, text) if column.type in {*_COUNTED, ColumnType.BOOLEAN} else text


def _whole(pattern: str | None) -> str:
    return f"^(?:{pattern})$"
