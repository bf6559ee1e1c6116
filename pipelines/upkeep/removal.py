"""Rows leave a table for good: every branch and tag is written anew without them, then what none names is let go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipelines.erasures.erasures import ErasureEntry, ErasureState, Record
from pipelines.lake.iceberg_upkeep import IcebergUpkeep, UpkeepTable
from pipelines.lake.rows import RowSelection
from pipelines.upkeep.maintain import expire_and_sweep

# Machines' clocks differ by less: every snapshot was committed before this from now.
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RemovalCase:
    """On whose account rows are removed, and where that is written down."""

    record: Record
    case_id: str
    subject: str
    at: datetime

    def write(self, state: ErasureState, table: str = "", rows: int = 0) -> None:
        """Add one line to the record."""
        self.record.write([ErasureEntry(self.case_id, self.subject, state, self.at, table, rows=rows)])

    def lines(self, table: str) -> list[ErasureEntry]:
        """What the record says of the case and a table."""
        return [line for line in self.record.lines() if (line.case_id, line.table) == (self.case_id, table)]


def remove_everywhere(
    table: UpkeepTable, rows_at: Callable[[int], RowSelection], case: RemovalCase, *, also_memory: bool = False
) -> int:
    """Remove the rows that `rows_at` gives for a snapshot from each branch and tag; how many went from all together.

    `also_memory`: where no row is found, what manifests remember of rows that went before is removed nevertheless.
    The record says what is about to go before it goes, so that a stop in between leaves no move of a tag unexplained.
    """
    _explain(table, case)
    removed = 0
    for ref in table.refs:
        rows = rows_at(ref.snapshot_id)
        count = table.count(rows, ref.snapshot_id)
        if count or (also_memory and table.remembers(ref.snapshot_id)):
            line = ErasureEntry(
                case.case_id, case.subject, ErasureState.REMOVING, case.at, table.name, ref.name, count, ref.snapshot_id
            )
            case.record.write([line])
            table.remove(ref, rows)
            _explain(table, case)
            removed += count
    return removed


def _explain(table: UpkeepTable, case: RemovalCase) -> None:
    """Write to the record what became of each removal that was begun."""
    lines = case.lines(table.name)
    done = {(line.ref, line.snapshot_before) for line in lines if line.state is ErasureState.REMOVED}
    named = {ref.name: ref.snapshot_id for ref in table.refs}
    for line in lines:
        place, after = (line.ref, line.snapshot_before), named.get(line.ref, line.snapshot_before)
        if line.state is ErasureState.REMOVING and place not in done and after != line.snapshot_before:
            done.add(place)
            case.record.write([replace(line, state=ErasureState.REMOVED, at=case.at, snapshot_after=after)])


def purge(upkeep: IcebergUpkeep, table: UpkeepTable, now: datetime, orphans_older_than: timedelta) -> int:
    """Keep only the snapshots that something has need of, however young, and the files that these reach.

    Returns how many files are left that nothing reaches, because they are younger than `orphans_older_than`.
    """
    _, swept = expire_and_sweep(upkeep, table, now + _A_DAY, now - orphans_older_than)
    return swept.young
