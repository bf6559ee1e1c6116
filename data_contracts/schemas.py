"""A contract as schema text for Spark and Iceberg; imports neither."""

from __future__ import annotations

import json

from data_contracts.contract import ColumnType, Contract

_SPARK = {
    ColumnType.STRING: ("string", "STRING"),
    ColumnType.INTEGER: ("long", "BIGINT"),
    ColumnType.DATE: ("date", "DATE"),
    ColumnType.TIMESTAMP: ("timestamp", "TIMESTAMP"),
}


def spark_ddl(contract: Contract) -> str:
    """The contract's columns as the inside of CREATE TABLE.

    Every column may be empty for Spark: what is required is checked by the row rules, which
    name the record, where a NOT NULL would only stop the job.

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


def spark_text_ddl(columns: list[str]) -> str:
    """Columns as the schema that reads a payload without judging it: every value as its text.

    >>> spark_text_ddl(["event_id", "amount_minor"])
    'event_id STRING, amount_minor STRING'
    """
    return ", ".join(f"{name} STRING" for name in columns)
