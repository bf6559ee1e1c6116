"""Act: remove rows whose retention has passed, from every layer, tagged snapshots and the object store included.

A row is kept for its day plus the number of days in its contract, and removed the day after. Quarantined and duplicate
events follow their own contract and the time in their payload; if that cannot be read, the time at which we first saw
them and the shortest period of all contracts. A vector is removed by its moment and the longest period of the events
behind it, when all of these have been removed too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from data_contracts.catalog import contracts
from data_contracts.contract import ColumnType
from pipelines.erasures import subject as subjects
from pipelines.erasures.erasures import Record
from pipelines.erasures.subject import Subject
from pipelines.lake.iceberg_upkeep import IcebergUpkeep, UpkeepTable
from pipelines.lake.raw import DUPLICATES, QUARANTINE, SOURCE_REJECTS
from pipelines.lake.rows import RowSelection
from pipelines.upkeep.maintain import ORPHAN_AGE
from pipelines.upkeep.removal import RemovalCase, purge, remove_everywhere

# Tables without their own contract: the contract that their rows come from, and the column with the time of a row.
MADE_OF = {"features.bank_transaction_days": ("bank_transaction.v1", "occurred_until")}


@dataclass(frozen=True, slots=True)
class RetainReport:
    """The rows removed from each table with a retention period, and the unreferenced files too young to delete.

    `without_period`: tables whose contract has no period, from which nothing is removed.
    """

    as_of: date
    rows: Mapping[str, int]
    young_files: int
    without_period: tuple[str, ...]


def periods() -> dict[str, int]:
    """The number of days for which rows are kept, by event type; a year counts as 366 days."""
    return {each.event_type: each.terms.retention.days for each in contracts().values() if each.table is not None}


def retain(
    upkeep: IcebergUpkeep,
    record: Record,
    *,
    as_of: date,
    now: datetime,
    held: Mapping[str, str],
    kept_days: Mapping[str, int] | None = None,
    orphans_older_than: timedelta = ORPHAN_AGE,
    progress: Callable[[str], None] = lambda _: None,
) -> RetainReport:
    """Remove rows whose retention has passed on the day `as_of`. Safe to interrupt and to repeat.

    Rows of shoppers in `held` (legal holds) are kept. A model's tag does not keep rows longer: they are removed from it
    too, and the record says so for the model's manifest.
    """
    days = periods() if kept_days is None else kept_days
    holding = [subjects.find_subject(upkeep, shopper_id) for shopper_id in sorted(held)]
    case = RemovalCase(record, f"retention {as_of}", "", now)
    rows, without, young = {}, [], 0
    for name in upkeep.names():
        table = upkeep.table(name)
        wanted = _past(table, days, as_of, holding)
        if wanted is None:
            if subjects.can_hold(table) or "occurred_at" in table.columns:
                without.append(name)
            continue
        progress(f"retaining {name}")
        rows[name] = remove_everywhere(table, wanted, case)
        if rows[name] or case.lines(name):
            young += purge(upkeep, table, now, orphans_older_than)
    return RetainReport(as_of, rows, young, tuple(without))


def _past(
    table: UpkeepTable, days: Mapping[str, int], as_of: date, holding: list[Subject]
) -> Callable[[int], RowSelection] | None:
    """A function that selects the rows past their retention at a snapshot; None for a table without a period."""
    if table.name in (QUARANTINE, DUPLICATES, SOURCE_REJECTS):
        return (lambda at: _set_aside(table, days, as_of, holding, at)) if days else None
    kept, moment = _own_period(table.name, days)
    if kept is None:
        return None
    before = (moment, _start(as_of - timedelta(days=kept)))
    return lambda at: RowSelection(before=before, but_not=_held(table, holding, at))


def _held(table: UpkeepTable, holding: list[Subject], snapshot_id: int) -> dict[str, frozenset[str]]:
    """By column, the values that identify rows of shoppers under a legal hold."""
    held: dict[str, frozenset[str]] = {}
    for subject in holding:
        theirs = {column: subject.names[column] for column in table.columns if column in subject.names}
        theirs |= subjects.entries_of(table, subject, snapshot_id)
        held |= {column: values | held.get(column, frozenset()) for column, values in theirs.items()}
    return held


def _own_period(table: str, days: Mapping[str, int]) -> tuple[int | None, str]:
    """The number of days for which the table's rows are kept, and the column with the time from which they count."""
    if table in MADE_OF:
        event_type, moment = MADE_OF[table]
        return days.get(event_type), moment
    for contract in contracts().values():
        if table in (contract.table, contract.curated_table):
            moments = (column.name for column in contract.columns if column.type is ColumnType.TIMESTAMP)
            return days.get(contract.event_type), next(moments)
    return None, ""


def _set_aside(
    table: UpkeepTable, days: Mapping[str, int], as_of: date, holding: list[Subject], snapshot_id: int
) -> RowSelection:
    """The rows of a shared raw table whose payload is an event past the retention of its own contract."""
    found = table.read(RowSelection(), ("payload", "first_seen"), snapshot_id)
    return RowSelection(any_of={"payload": frozenset(_past_payloads(found, days, as_of, holding))})


def _past_payloads(
    rows: Iterator[dict[str, Any]], days: Mapping[str, int], as_of: date, holding: list[Subject]
) -> Iterator[str]:
    shortest = min(days.values())
    for row in rows:
        payload = row["payload"]
        if not payload:  # emptied when its subject was erased, so nothing is left to remove
            continue
        event_type, occurred_on = _told(payload)
        kept = days.get(event_type or "", shortest)
        since = occurred_on or row["first_seen"].astimezone(UTC).date()
        if since < as_of - timedelta(days=kept) and not any(subjects.mentions(payload, each) for each in holding):
            yield payload


def _told(payload: str) -> tuple[str | None, date | None]:
    """The type and the day of the event, each None if the payload does not have it."""
    try:
        found = json.loads(payload)
        event_type = found.get("event_type")
        occurred_at = datetime.fromisoformat(found["occurred_at"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None, None
    day = occurred_at.astimezone(UTC).date() if occurred_at.tzinfo else occurred_at.date()
    return event_type if isinstance(event_type, str) else None, day


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
