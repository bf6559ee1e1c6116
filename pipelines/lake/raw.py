"""The raw tables: what the stream brought, one table an event type, and what was set beside it."""

from __future__ import annotations

from data_contracts.catalog import event_contracts
from data_contracts.contract import Contract
from data_contracts.schemas import spark_ddl
from pipelines.lake.iceberg import spark_name
from pipelines.lake.partitioning import partitions
from pipelines.lake.spark import ONE_WRITER
from pipelines.settings import Settings

QUARANTINE = "raw.quarantine"
DUPLICATES = "raw.duplicates"
BATCHES = "raw.batches"
SOURCE_REJECTS = "raw.source_rejects"

# Where a row came from; `until` is the end of its batch, in milliseconds of the stream's clock.
LINEAGE = "shard STRING, kinesis_sequence STRING, until BIGINT"
ACCEPTED = f"{LINEAGE}, loaded_at TIMESTAMP, contract_version STRING, body_digest BIGINT"
_BESIDE = {
    QUARANTINE: (
        "event_id STRING, event_type STRING, rule STRING, column STRING, value STRING, "
        "violations ARRAY<STRUCT<rule: STRING, column: STRING, value: STRING>>, payload STRING, "
        f"contract_version STRING, {LINEAGE}, first_seen TIMESTAMP"
    ),
    DUPLICATES: (f"event_id STRING, event_type STRING, reason STRING, payload STRING, {LINEAGE}, first_seen TIMESTAMP"),
    BATCHES: (
        "until BIGINT, event_type STRING, rows_in BIGINT, accepted BIGINT, quarantined BIGINT, duplicates BIGINT, "
        "stops STRING, loaded_at TIMESTAMP"
    ),
}


def event_tables() -> dict[str, Contract]:
    """The contract of each event table, by the table's name."""
    return {contract.raw_table: contract for contract in event_contracts().values() if contract.raw_table}


def tables_of_a_batch() -> list[str]:
    """In the order in which a batch writes them, without `raw.batches`, which comes last and makes it whole."""
    return [QUARANTINE, DUPLICATES, *event_tables()]


def create_statements(settings: Settings, existing: set[str]) -> list[str]:
    """CREATE TABLE for every raw table that the stream fills and that is not among those that exist."""
    columns = {name: f"{spark_ddl(contract)}, {ACCEPTED}" for name, contract in event_tables().items()} | _BESIDE
    return [
        f"CREATE TABLE IF NOT EXISTS {spark_name(settings, name)} ({ddl}) USING iceberg{_laid(name)}"
        for name, ddl in columns.items()
        if name not in existing
    ]


def _laid(name: str) -> str:
    by = partitions(name)
    return f" PARTITIONED BY ({by}) TBLPROPERTIES ({ONE_WRITER})" if by else ""
