"""Builders of raw tables as ingest writes them, for tests of later stages."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from data_contracts.catalog import contract
from data_contracts.contract import Contract
from data_contracts.schemas import spark_struct
from pipelines.lake.iceberg import spark_name
from pipelines.lake.spark import have_table
from pipelines.settings import Settings

INSTANT = datetime(1996, 1, 1, tzinfo=UTC)

_VALUES: dict[str, dict[str, Any]] = {
    "bank_transaction": {
        "booked_on": date(1996, 1, 1),
        "sequence": 1,
        "direction": "credit",
        "amount_minor": 100_00,
        "balance_after_minor": 100_00,
        "operation": "cash_in",
        "purpose": "other",
        "counterparty_bank": None,
        "counterparty_account": None,
        "reference": None,
    },
    "account": {"shopper_id": "7", "opened_on": date(1993, 1, 1), "statement_frequency": "monthly"},
    "credit_application": {
        "application_id": "berka:loan:1",
        "shopper_id": "7",
        "merchant_id": None,
        "applied_at": INSTANT,
        "amount_minor": 12_000_00,
        "product": "monthly",
        "duration_months": 12,
        "channel": "branch",
    },
    "granted_loan": {
        "loan_id": "1",
        "application_id": "berka:loan:1",
        "granted_on": date(1996, 1, 1),
        "amount_minor": 12_000_00,
        "duration_months": 12,
        "instalment_minor": 1_000_00,
    },
    "loan_outcome": {"loan_id": "1", "status": "finished_paid"},
}


def an_event(name: str, event_id: str, account_id: str = "808", **values: Any) -> dict[str, Any]:
    """A raw row of that contract: whatever the test leaves out is filled in."""
    common = {
        "event_id": event_id,
        "event_type": f"{name}.v1",
        "source": "berka",
        "occurred_at": INSTANT,
        "recorded_at": INSTANT,
        "account_id": account_id,
        "currency": "CZK",
        "contract_version": "1.0.0",
    }
    return {**common, **_VALUES[name], **values}


def write_raw(
    spark: Any, settings: Settings, name: str, rows: Iterable[Mapping[str, Any]], *, append: bool = False
) -> None:
    """Replace the raw table of that contract by these rows, in this order of arrival, or append them to it."""
    table = _raw_frame(spark, contract(name), rows, first=0).writeTo(_raw_name(settings, name))
    if append:
        table.append()
    else:
        table.using("iceberg").createOrReplace()


def append_raw(spark: Any, settings: Settings, of: Contract, rows: Sequence[Mapping[str, Any]], *, first: int) -> None:
    """Add a batch to the raw table of that contract, as ingest does; its rows arrived from place `first` on."""
    frame = _raw_frame(spark, of, rows, first=first)
    have_table(spark, _raw_name(settings, of.name), frame.schema)
    frame.writeTo(_raw_name(settings, of.name)).append()


def _raw_frame(spark: Any, of: Contract, rows: Iterable[Mapping[str, Any]], *, first: int) -> Any:
    from pyspark.sql.types import StringType, StructType

    schema = StructType.fromJson(json.loads(spark_struct(of)))
    schema = schema.add("contract_version", StringType()).add("kinesis_sequence", StringType())
    numbered = [{**row, "kinesis_sequence": f"{place:09}"} for place, row in enumerate(rows, start=first)]
    values = [tuple(row.get(field.name) for field in schema) for row in numbered]
    return spark.createDataFrame(values, schema)


def _raw_name(settings: Settings, name: str) -> str:
    raw_table = contract(name).raw_table
    assert raw_table is not None
    return spark_name(settings, raw_table)
