"""Remove rows from a table for good: from every branch and tag, then expire the other snapshots and delete files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipelines.erasures.erasures import ErasureEntry, ErasureState, Record
from pipelines.lake.iceberg_upkeep import IcebergUpkeep, UpkeepTable
from pipelines.lake.rows import RowSelection
from pipelines.upkeep.maintain import expire_and_sweep

# More than the difference between machines' clocks: every snapshot was committed before now plus this.
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RemovalCase:
    """The case for which rows are removed, and the record in which that is written."""

    record: Record
    case_id: str
    subject: str
    at: datetime

    def write(self, state: ErasureState, table: str = "", rows: int = 0) -> None:
        """Add one line to the record."""
        self.record.write([ErasureEntry(self.case_id, self.subject, state, self.at, table, rows=rows)])

    def lines(self, table: str) -> list[ErasureEntry]:
        """The lines of the record about the case and a table."""
        return [line for line in self.record.lines() if (line.case_id, line.table) == (self.case_id, table)]


def remove_everywhere(
    table: UpkeepTable, rows_at: Callable[[int], RowSelection], case: RemovalCase, *, also_memory: bool = False
) -> int:
    """Remove the rows that `rows_at` selects at a snapshot from each branch and tag; returns their total number.

    `also_memory`: also remove statistics of earlier removed rows from manifests if no row is found now. The record is
    written before the removal, so that after an interruption every move of a tag can be explained.
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
    """Write the outcome of each removal that was begun to the record."""
    lines = case.lines(table.name)
    done = {(line.ref, line.snapshot_before) for line in lines if line.state is ErasureState.REMOVED}
    named = {ref.name: ref.snapshot_id for ref in table.refs}
    for line in lines:
        place, after = (line.ref, line.snapshot_before), named.get(line.ref, line.snapshot_before)
        if line.state is ErasureState.REMOVING and place not in done and after != line.snapshot_before:
            done.add(place)
            case.record.write([replace(line, state=ErasureState.REMOVED, at=case.at, snapshot_after=after)])


def purge(upkeep: IcebergUpkeep, table: UpkeepTable, now: datetime, orphans_older_than: timedelta) -> int:
    """Expire all snapshots that nothing needs, whatever their age, and delete the files that only they referenced.

    Returns the number of unreferenced files that were kept because they are younger than `orphans_older_than`.
    """
    _, swept = expire_and_sweep(upkeep, table, now + _A_DAY, now - orphans_older_than)
    return swept.young
