"""Step 7 of a batch: the records as rows of the tables that take them.

`loaded_at` is SQL text of a timestamp throughout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from data_contracts.contract import Contract
from pipelines.ingest.record_frames import LINEAGE_COLUMNS, union_all
from pipelines.ingest.verdict import ACCEPTED, DUPLICATE, QUARANTINED, Counts
from pipelines.lake import raw

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def rows_by_table(
    judged: Mapping[str, DataFrame], counts: Mapping[str, Counts], loaded_at: str
) -> list[tuple[str, DataFrame, int]]:
    """Each table with its rows and their number, in the order in which tables are written; none without rows.

    Columns: those of `with_verdict` → those of each table.
    """
    total = sum(counts.values(), Counts())
    tables = []
    if total.quarantined:
        frames = [quarantined_rows(judged[name], loaded_at) for name, of in counts.items() if of.quarantined]
        tables.append((raw.QUARANTINE, union_all(frames), total.quarantined))
    if total.duplicates:
        frames = [duplicate_rows(judged[name], loaded_at) for name, of in counts.items() if of.duplicates]
        tables.append((raw.DUPLICATES, union_all(frames), total.duplicates))
    return tables + [
        (table, accepted_rows(judged[contract.event_type], contract, loaded_at), accepted)
        for table, contract in raw.event_tables().items()
        if (accepted := counts.get(contract.event_type, Counts()).accepted)
    ]


def accepted_rows(judged: DataFrame, contract: Contract, loaded_at: str) -> DataFrame:
    """The accepted events of one contract as rows of its raw table.

    Columns: the contract's own, LINEAGE_COLUMNS, loaded_at, contract_version, body_digest.
    """
    return judged.where(f"verdict = '{ACCEPTED}'").selectExpr(
        *[column.name for column in contract.columns],
        *LINEAGE_COLUMNS,
        f"{loaded_at} AS loaded_at",
        "contract_version",
        "body_digest",
    )


def quarantined_rows(judged: DataFrame, loaded_at: str) -> DataFrame:
    """The records that broke a rule: the first broken rule in columns of its own, all of them as an array.

    Columns: those of `raw.quarantine`.
    """
    return judged.where(f"verdict = '{QUARANTINED}'").selectExpr(
        "event_id",
        "event_type",
        "violations[0].rule AS rule",
        "violations[0].column AS column",
        "violations[0].value AS value",
        "violations",
        "payload",
        "contract_version",
        *LINEAGE_COLUMNS,
        f"{loaded_at} AS first_seen",
        f"'{QUARANTINED}' AS state",
        "0 AS tries",
        "CAST(NULL AS STRING) AS redrive_id",
        "CAST(NULL AS TIMESTAMP) AS last_tried_at",
    )


def duplicate_rows(judged: DataFrame, loaded_at: str) -> DataFrame:
    """The valid records whose event id was there before. Columns: those of `raw.duplicates`."""
    return judged.where(f"verdict = '{DUPLICATE}'").selectExpr(
        "event_id", "event_type", "reason", "payload", *LINEAGE_COLUMNS, f"{loaded_at} AS first_seen"
    )
