"""Act: rows whose retention has passed go from every layer, from what tags name too, and from the object store.

A row of a day is kept through that day plus the days that its contract says, and goes the day after. What was set aside
goes by the contract of its event and by the moment in its payload; where it says none that can be read, by when we
first saw it and the shortest period of all. A vector goes with its moment, by the longest period of the events behind
it: all of these have passed by then.
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

# Tables without a contract of their own: made of one contract's rows, and as old as the newest row in them.
MADE_OF = {"features.bank_transaction_days": ("bank_transaction.v1", "occurred_until")}


@dataclass(frozen=True, slots=True)
class RetainReport:
    """How many rows went from each table that has a period, and the files that are too young to be taken yet.

    `without_period` are tables whose contract says nothing: nothing goes from them.
    """

    as_of: date
    rows: Mapping[str, int]
    young_files: int
    without_period: tuple[str, ...]


def periods() -> dict[str, int]:
    """For how many days the rows of each contract are kept, by event type; a year counts 366."""
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
    """Remove what is past its retention on the day `as_of`; safe to stop and to run again.

    The shoppers of `held` keep everything. A model's tag keeps nothing longer: its rows go too, and the record says so
    for its manifest.
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
    """How the rows that are past are found at a snapshot; None for a table without a period."""
    if table.name in (QUARANTINE, DUPLICATES, SOURCE_REJECTS):
        return (lambda at: _set_aside(table, days, as_of, holding, at)) if days else None
    kept, moment = _own_period(table.name, days)
    if kept is None:
        return None
    before = (moment, _start(as_of - timedelta(days=kept)))
    return lambda at: RowSelection(before=before, but_not=_held(table, holding, at))


def _held(table: UpkeepTable, holding: list[Subject], snapshot_id: int) -> dict[str, frozenset[str]]:
    """By what the rows of those who keep everything are known."""
    held: dict[str, frozenset[str]] = {}
    for subject in holding:
        theirs = {column: subject.names[column] for column in table.columns if column in subject.names}
        theirs |= subjects.entries_of(table, subject, snapshot_id)
        held |= {column: values | held.get(column, frozenset()) for column, values in theirs.items()}
    return held


def _own_period(table: str, days: Mapping[str, int]) -> tuple[int | None, str]:
    """For how many days the table's rows are kept, and from the moment in which column."""
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
    """Payloads whose event is past, by the event's own contract; by what little is known where it cannot be read."""
    found = table.read(RowSelection(), ("payload", "first_seen"), snapshot_id)
    return RowSelection(any_of={"payload": frozenset(_past_payloads(found, days, as_of, holding))})


def _past_payloads(
    rows: Iterator[dict[str, Any]], days: Mapping[str, int], as_of: date, holding: list[Subject]
) -> Iterator[str]:
    shortest = min(days.values())
    for row in rows:
        payload = row["payload"]
        if not payload:  # of somebody who was erased; it says nothing that could be past
            continue
        event_type, occurred_on = _told(payload)
        kept = days.get(event_type or "", shortest)
        since = occurred_on or row["first_seen"].astimezone(UTC).date()
        if since < as_of - timedelta(days=kept) and not any(subjects.mentions(payload, each) for each in holding):
            yield payload


def _told(payload: str) -> tuple[str | None, date | None]:
    """The type and the day of the event, as far as its payload says them."""
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
