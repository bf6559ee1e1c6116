"""Step 2 of a batch: each record against the rules of its contract, as SQL that the contract gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_contracts.catalog import event_contracts
from data_contracts.quarantine import typed_sql, violations_sql
from data_contracts.schemas import spark_text_ddl
from pipelines.ingest.contract_type import UNKNOWN_TYPE
from pipelines.ingest.record_frames import RECORD_COLUMNS, payload_fields

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

UNREADABLE = "payload.readable"
_KNOWN_TYPE = "event_type.known"


def validated(records: DataFrame, event_type: str) -> DataFrame:
    """The records of one event type with their typed columns, the rules they break and a digest of their body.

    The digest distinguishes a repeated body from a changed one. It skips absent values, so a column that a later
    version adds at the end leaves the digests of older records as they are.

    Columns: RECORD_COLUMNS, contract_type → RECORD_COLUMNS, the contract's own, contract_type, violations,
    contract_version, body_digest.
    """
    of_type = records.where(f"contract_type = '{event_type}'")
    if event_type == UNKNOWN_TYPE:
        return _without_contract(of_type)
    contract = event_contracts()[event_type]
    names = [column.name for column in contract.columns]
    typed = of_type.selectExpr("*", f"{payload_fields(spark_text_ddl(names))} AS text").selectExpr(
        "*", *[f"{typed_sql(column.type, f'text.{column.name}')} AS {column.name}" for column in contract.columns]
    )
    return typed.selectExpr(
        *RECORD_COLUMNS,
        *names,
        "contract_type",
        f"{violations_sql(contract, text='text.', typed='')} AS violations",
        f"'{contract.version}' AS contract_version",
        f"xxhash64({', '.join(f'text.{name}' for name in names)}) AS body_digest",
    )


def _without_contract(records: DataFrame) -> DataFrame:
    """Records under no contract, each with one violation: it cannot be read, or its event type is unknown.

    Columns: RECORD_COLUMNS, contract_type → RECORD_COLUMNS, event_id, event_type, contract_type, violations,
    contract_version, body_digest; the last two are null.
    """
    with_text = records.selectExpr("*", f"{payload_fields('event_id STRING, event_type STRING')} AS text")
    return with_text.selectExpr(
        *RECORD_COLUMNS,
        "text.event_id AS event_id",
        "text.event_type AS event_type",
        "contract_type",
        f"CASE WHEN fault IS NOT NULL THEN {_violation(UNREADABLE, 'payload', 'fault')} "
        f"ELSE {_violation(_KNOWN_TYPE, 'event_type', 'text.event_type')} END AS violations",
        "CAST(NULL AS STRING) AS contract_version",
        "CAST(NULL AS BIGINT) AS body_digest",
    )


def _violation(rule: str, column: str, value: str) -> str:
    return f"array(named_struct('rule', '{rule}', 'column', '{column}', 'value', {value}))"
