"""Step 1 of a batch: which contract each record falls under.

Only the event type is read here. Each record is then read and validated by its own contract alone, so a batch costs
what it holds, however many contracts there are, and a column may have different types in different contracts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_contracts.catalog import event_contracts
from pipelines.ingest.record_frames import RECORD_COLUMNS, payload_fields

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

UNKNOWN_TYPE = "unknown"


def with_contract_type(batch: DataFrame) -> DataFrame:
    """Each record of the stream with its event type as `contract_type`, or `unknown` when no contract has that type.

    A record that cannot be read is unknown too. The event type comes from the payload when the source did not give it
    as a column. Materialise the result: every contract reads it again.

    Columns: those of the stream (`streams.records.DDL`) → RECORD_COLUMNS, contract_type.
    """
    event_type = "event_type" if "event_type" in batch.columns else f"{payload_fields('event_type STRING')}.event_type"
    known = ", ".join(f"'{name}'" for name in event_contracts())
    with_event_type = batch.selectExpr(
        *[name.replace("kinesis_sequence", "sequence AS kinesis_sequence") for name in RECORD_COLUMNS],
        f"{event_type} AS event_type",
    )
    return with_event_type.selectExpr(
        *RECORD_COLUMNS,
        f"CASE WHEN event_type IN ({known}) THEN event_type ELSE '{UNKNOWN_TYPE}' END AS contract_type",
    )
