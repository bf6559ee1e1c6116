"""Act: erase one shopper from the lake, tagged snapshots included, and from the published vectors, and verify it.

Rows are removed from every branch and tag of every table that can hold a shopper. Then these tables keep only the
snapshots that are still needed, and every unreferenced file is deleted. So no list of the shopper's rows has to be kept
between runs, and the same command completes an interrupted run. Data that must be kept by law (the ledger, plans and
decisions in PostgreSQL) is not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from features.store import VectorStore
from pipelines.erasures import subject as subjects
from pipelines.erasures.erasures import ErasureEntry, ErasureState, Record, keyed, pseudonym, require_key
from pipelines.erasures.subject import Subject
from pipelines.lake import raw
from pipelines.lake.iceberg_upkeep import IcebergUpkeep, UpkeepTable
from pipelines.streams.iceberg import unfinished
from pipelines.upkeep.maintain import ORPHAN_AGE
from pipelines.upkeep.removal import RemovalCase, purge, remove_everywhere
from terminal.fault import Fault

VECTORS = "features.vectors"


class BatchUnfinished(Fault):
    """Raised while a batch is unfinished: its snapshots cannot be expired and may hold rows of the subject."""

    def __init__(self, until: int) -> None:
        super().__init__(f"batch {until} of the stream is unfinished; run `tranche pipelines ingest`, then erase again")


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """The shopper to erase, and the case that asks for it; `key` is the key of the pseudonyms in the record."""

    shopper_id: str
    case_id: str
    key: str

    @property
    def pseudonym(self) -> str:
        """The shopper's pseudonym in the record."""
        return pseudonym(self.key, "shopper", self.shopper_id)


@dataclass(frozen=True, slots=True)
class EraseReport:
    """The result of a request.

    `rows`: rows removed by table, over all branches and tags. `left`: where the subject is still found. `young_files`:
    the number of unreferenced files that may belong to a commit in progress.
    """

    case_id: str
    subject: str
    state: ErasureState
    rows: Mapping[str, int]
    held_by: str | None = None
    left: tuple[str, ...] = ()
    young_files: int = 0


def erase(
    upkeep: IcebergUpkeep,
    store: VectorStore,
    record: Record,
    request: ErasureRequest,
    *,
    now: datetime,
    holds: Mapping[str, str],
    orphans_older_than: timedelta = ORPHAN_AGE,
    progress: Callable[[str], None] = lambda _: None,
) -> EraseReport:
    """Erase the shopper. Safe to interrupt and to repeat. Does nothing for a shopper under a legal hold of `holds`.

    Raises BatchUnfinished while a batch of ingest is unfinished, and SettingFault if the record has another key.
    """
    require_key(record.lines(), request.key)
    case = RemovalCase(record, request.case_id, request.pseudonym, now)
    if request.shopper_id in holds:
        case.write(ErasureState.HELD)
        return EraseReport(case.case_id, case.subject, ErasureState.HELD, {}, held_by=holds[request.shopper_id])
    left = unfinished(upkeep.catalog, upkeep.settings, raw.tables_of_a_batch())
    if left is not None:
        raise BatchUnfinished(left)
    progress("looking for the shopper's accounts and what hangs on them")
    subject = subjects.find_subject(upkeep, request.shopper_id)
    _ask(case, subject, request.key)
    rows = {VECTORS: _forget(store, subject, case, progress)}
    for table in _tables(upkeep):
        progress(f"erasing from {table.name}")
        theirs = partial(subjects.rows_of, table, subject)
        rows[table.name] = remove_everywhere(table, theirs, case, also_memory=True)
    progress("letting go of what held them, and looking for them")
    left_over, young = _look(upkeep, subject, now, orphans_older_than)
    report = EraseReport(case.case_id, case.subject, ErasureState.REMOVED, rows, left=left_over, young_files=young)
    if left_over or young:
        return report
    case.write(ErasureState.VERIFIED)
    return replace(report, state=ErasureState.VERIFIED)


def _ask(case: RemovalCase, subject: Subject, key: str) -> None:
    """Write the request to the record; from here on ingest refuses events of the shopper recorded up to now."""
    names = [
        case.subject,
        *(pseudonym(key, "account", account) for account in sorted(subject.accounts)),
        *(
            pseudonym(key, subjects.kind(column), each)
            for column in subjects.links_of_events()
            for each in sorted(subject.names.get(column, ()))
        ),
    ]
    is_keyed = any(line.state is ErasureState.KEYED for line in case.record.lines())
    known = {line.subject for line in case.lines("") if line.state is ErasureState.REQUESTED}
    case.record.write(
        [
            *([] if is_keyed else [ErasureEntry("", keyed(key), ErasureState.KEYED, case.at)]),
            *(ErasureEntry(case.case_id, name, ErasureState.REQUESTED, case.at) for name in names if name not in known),
        ]
    )


def _forget(store: VectorStore, subject: Subject, case: RemovalCase, progress: Callable[[str], None]) -> int:
    progress(f"erasing from {VECTORS}")
    forgotten = store.forget(subject.accounts)
    if forgotten:
        case.write(ErasureState.REMOVED, VECTORS, forgotten)
    return forgotten


def _look(
    upkeep: IcebergUpkeep, subject: Subject, now: datetime, orphans_older_than: timedelta
) -> tuple[tuple[str, ...], int]:
    """Expire and delete what is no longer needed; returns where the subject remains, and the number of young files."""
    left: list[str] = []
    young = 0
    for table in _tables(upkeep):
        young += purge(upkeep, table, now, orphans_older_than)
        for snapshot in table.snapshots:
            found = table.count(subjects.rows_of(table, subject, snapshot.snapshot_id), snapshot.snapshot_id)
            left += [f"{table.name} at snapshot {snapshot.snapshot_id}: {found} rows"] if found else []
    return tuple(left), young


def _tables(upkeep: IcebergUpkeep) -> list[UpkeepTable]:
    """Every table that can hold the shopper; those that lead to rows of other tables come last."""
    tables = [table for table in map(upkeep.table, upkeep.names()) if subjects.can_hold(table)]
    return sorted(tables, key=lambda table: (subjects.order(table), table.name))
