"""Act: raw → curated tables. One row an event, gated before it is written.

A table is written whole, from one snapshot of its raw table, or not at all: a red gate leaves the curated table at the
snapshot it had. Curating an unchanged raw table writes nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pyspark.sql import functions as F  # noqa: N812 - the name everyone knows them by

from data_contracts.catalog import event_contracts
from data_contracts.contract import Contract
from pipelines.gate import GateReport, gate
from pipelines.lake.iceberg import spark_name
from pipelines.lake.spark import at_snapshot, have_table, noted
from pipelines.lake.table import Snapshot, Tables
from pipelines.settings import Settings
from pipelines.transforms.first_known import first_known_by_event

RAW_SNAPSHOT = "tranche.raw-snapshot-id"
CONTRACT = "tranche.contract"
# Only bank transactions grow without end. Features and notebooks ask for whole histories of accounts, so a file holds
# those of its share of the accounts; a file for each month is read and written several times slower.
PARTITIONS = {"bank_transaction": "bucket(8, account_id)"}


@dataclass(frozen=True, slots=True)
class Curated:
    """What became of one table: written, unchanged since the raw snapshot, empty (no raw row yet), or red."""

    table: str
    outcome: Literal["written", "unchanged", "empty", "red"]
    rows: int
    snapshot_id: int | None
    raw_snapshot_id: int | None
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CurateReport:
    tables: tuple[Curated, ...]


class RedGate(Exception):
    """Tables failed their gate and stayed as they were; the others are curated. `report` tells both."""

    def __init__(self, report: CurateReport) -> None:
        self.report = report
        red = [f"{each.table} ({'; '.join(each.broken)})" for each in report.tables if each.outcome == "red"]
        super().__init__(f"not curated, left as before: {', '.join(red)}")

    @property
    def user_message(self) -> str:
        return str(self)


def curate(
    spark: Any,
    tables: Tables,
    settings: Settings,
    *,
    contracts: Iterable[Contract] | None = None,
    judge: Callable[[Any, Contract], GateReport] = gate,
    progress: Callable[[str], None] = lambda _: None,
) -> CurateReport:
    """Curate every contract's raw table. Raises RedGate after the last one when any failed its gate."""
    done = []
    for contract in event_contracts().values() if contracts is None else contracts:
        progress(f"curating {contract.curated_table}")
        done.append(_curate(spark, tables, settings, contract, judge))
    report = CurateReport(tuple(done))
    if any(each.outcome == "red" for each in done):
        raise RedGate(report)
    return report


def _curate(
    spark: Any,
    tables: Tables,
    settings: Settings,
    contract: Contract,
    judge: Callable[[Any, Contract], GateReport],
) -> Curated:
    source, table = contract.raw_table, contract.curated_table
    assert source is not None, contract.name
    assert table is not None, contract.name
    raw, curated = tables.newest(source), tables.newest(table)
    if raw is None:
        return Curated(table, "empty", 0, _id(curated), None)
    raw_id = raw.snapshot_id
    # A compaction is no news.
    notes = {RAW_SNAPSHOT: str(raw.rows_of), CONTRACT: f"{contract.name}@{contract.version}"}
    if curated is not None and notes.items() <= curated.summary.items():
        return Curated(table, "unchanged", _rows(curated), curated.snapshot_id, raw_id)
    name = spark_name(settings, table)
    frame = conform(at_snapshot(spark, spark_name(settings, source), raw_id), contract).persist()
    try:
        rows = frame.count()
        verdict = judge(frame, contract)
        if not verdict.passed:
            return Curated(table, "red", rows, _id(curated), raw_id, verdict.broken)
        have_table(spark, name, frame.schema, PARTITIONS.get(contract.name, ""))
        with noted(spark, notes):
            frame.writeTo(name).overwrite(F.lit(True))
    finally:
        frame.unpersist()
    written = tables.newest(table)
    return Curated(table, "written", rows, _id(written), raw_id)


def conform(raw: Any, contract: Contract) -> Any:
    """The contract's columns of each event's first-known row, and the day it happened."""
    columns = [column.name for column in contract.columns]
    kept = first_known_by_event(raw).select(*columns, "contract_version")
    return kept.withColumn("event_day", F.to_date("occurred_at")) if contract.name in PARTITIONS else kept


def _id(snapshot: Snapshot | None) -> int | None:
    return None if snapshot is None else snapshot.snapshot_id


def _rows(snapshot: Snapshot) -> int:
    return int(snapshot.summary.get("total-records", 0))
