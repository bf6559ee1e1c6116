"""The raw tables: one for each event type of the stream, and the shared ones, such as quarantine and duplicates."""

from __future__ import annotations

from data_contracts.catalog import event_contracts
from data_contracts.contract import Contract
from pipelines.lake.iceberg import spark_name
from pipelines.settings import Settings

QUARANTINE = "raw.quarantine"
DUPLICATES = "raw.duplicates"
BATCHES = "raw.batches"
REDRIVES = "raw.redrives"
SOURCE_REJECTS = "raw.source_rejects"

# Where a row came from; `until` is the end of its batch, in milliseconds of the stream's clock.
LINEAGE = "shard STRING, kinesis_sequence STRING, until BIGINT"
# The tables that every event type shares, with their columns.
BESIDE = {
    QUARANTINE: (
        "event_id STRING, event_type STRING, rule STRING, column STRING, value STRING, "
        "violations ARRAY<STRUCT<rule: STRING, column: STRING, value: STRING>>, payload STRING, "
        f"contract_version STRING, {LINEAGE}, first_seen TIMESTAMP, "
        "state STRING, tries INT, redrive_id STRING, last_tried_at TIMESTAMP"
    ),
    DUPLICATES: (f"event_id STRING, event_type STRING, reason STRING, payload STRING, {LINEAGE}, first_seen TIMESTAMP"),
    BATCHES: (
        "until BIGINT, event_type STRING, rows_in BIGINT, accepted BIGINT, quarantined BIGINT, duplicates BIGINT, "
        "stops STRING, loaded_at TIMESTAMP, let_through BOOLEAN"
    ),
    REDRIVES: (
        "redrive_id STRING, event_type STRING, taken BIGINT, redriven BIGINT, duplicates BIGINT, quarantined BIGINT, "
        "parked BIGINT, done_by STRING, reason STRING, done_at TIMESTAMP"
    ),
}


def event_tables() -> dict[str, Contract]:
    """The contract of each event table, by the table's name."""
    return {contract.raw_table: contract for contract in event_contracts().values() if contract.raw_table}


def tables_of_a_batch() -> list[str]:
    """The tables in the order in which a batch writes them, without `raw.batches`, which completes the batch."""
    return [QUARANTINE, DUPLICATES, *event_tables()]


def create_statements(settings: Settings, existing: set[str]) -> list[str]:
    """CREATE TABLE statements for the shared tables that do not exist yet.

    The table of an event type is created with its first rows.
    """
    return [
        f"CREATE TABLE IF NOT EXISTS {spark_name(settings, name)} ({ddl}) USING iceberg"
        for name, ddl in BESIDE.items()
        if name not in existing
    ]
