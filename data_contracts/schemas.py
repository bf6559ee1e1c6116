"""A contract as schema text that Spark and Iceberg can load; imports neither."""

from __future__ import annotations

import json
from collections.abc import Sequence

from data_contracts.contract import ColumnType, Contract

_SPARK = {
    ColumnType.STRING: ("string", "STRING"),
    ColumnType.INTEGER: ("long", "BIGINT"),
    ColumnType.NUMBER: ("double", "DOUBLE"),
    ColumnType.BOOLEAN: ("boolean", "BOOLEAN"),
    ColumnType.DATE: ("date", "DATE"),
    ColumnType.TIMESTAMP: ("timestamp", "TIMESTAMP"),
    ColumnType.OBJECT: ("string", "STRING"),
    ColumnType.ARRAY: ("string", "STRING"),
}
_ICEBERG = {
    ColumnType.STRING: "string",
    ColumnType.INTEGER: "long",
    ColumnType.NUMBER: "double",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamptz",
    ColumnType.OBJECT: "string",
    ColumnType.ARRAY: "string",
}


def spark_ddl(contract: Contract) -> str:
    """The contract's columns as the inside of CREATE TABLE.

    For Spark every column may be empty: the row rules check what is required and name the record, while a NOT NULL
    would only stop the job.

    >>> from data_contracts.catalog import contract
    >>> spark_ddl(contract("repayment_line")).splitlines()[2]
    'booked_on DATE,'
    """
    return ",\n".join(f"{column.name} {_SPARK[column.type][1]}" for column in contract.columns)


def spark_struct(contract: Contract) -> str:
    """The contract's columns as the JSON form of a Spark StructType, for `StructType.fromJson`."""
    fields = [
        {
            "name": column.name,
            "type": _SPARK[column.type][0],
            "nullable": True,
            "metadata": {"comment": column.meaning, "personal_data": str(column.personal_data)},
        }
        for column in contract.columns
    ]
    return json.dumps({"type": "struct", "fields": fields})


def iceberg_schema(versions: Sequence[Contract]) -> str:
    """The newest of a contract's versions as the JSON form of an Iceberg schema.

    All versions are needed, oldest first, because the field ids follow from them (`field_ids`). No field is required,
    for the reason given in `spark_ddl`.
    """
    ids = field_ids(versions)
    fields = [
        {
            "id": ids[column.name],
            "name": column.name,
            "required": False,
            "type": _ICEBERG[column.type],
            "doc": column.meaning,
        }
        for column in versions[-1].columns
    ]
    return json.dumps({"type": "struct", "schema-id": 0, "identifier-field-ids": [], "fields": fields})


def field_ids(versions: Sequence[Contract]) -> dict[str, int]:
    """The Iceberg field id of each column of the newest version; the versions come oldest first.

    A column takes the next free id in the first version that has it and keeps it for as long as it stays and holds
    the same type. An id is never used again, not even for a column that comes back under its old name.

    >>> from data_contracts.catalog import versions
    >>> field_ids(versions("repayment_line"))["amount_minor"]
    4
    """
    given = 0
    ids: dict[str, tuple[int, ColumnType]] = {}
    for version in versions:
        kept: dict[str, tuple[int, ColumnType]] = {}
        for column in version.columns:
            known = ids.get(column.name)
            if known is None or known[1] is not column.type:
                given += 1
                known = (given, column.type)
            kept[column.name] = known
        ids = kept
    return {name: field_id for name, (field_id, _) in ids.items()}


def spark_text_ddl(columns: list[str]) -> str:
    """Columns as the schema that reads a payload without validating it: every value as its text.

    >>> spark_text_ddl(["event_id", "amount_minor"])
    'event_id STRING, amount_minor STRING'
    """
    return ", ".join(f"{name} STRING" for name in columns)
