"""Act: one shopper goes from the lake and the published vectors, from what tags name too, and is then looked for.

What is removed is removed from every branch and tag of every table that can hold a shopper; then those tables keep only
the snapshots that something has need of, and every file that these do not reach is deleted. So nothing has to be
remembered of where the shopper was, and a run that was stopped is finished by the same command. What the books and the
credit file must keep by law (ledger, plans, decisions in PostgreSQL) is not touched.
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
    """A batch of the stream is not whole in the lake: its snapshots cannot go, and may hold the subject."""

    def __init__(self, until: int) -> None:
        super().__init__(f"batch {until} of the stream is unfinished; run `tranche pipelines ingest`, then erase again")


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """Whom to erase on which case's account; `key` is that of the pseudonyms in the record."""

    shopper_id: str
    case_id: str
    key: str

    @property
    def pseudonym(self) -> str:
        """How the shopper stands in the record."""
        return pseudonym(self.key, "shopper", self.shopper_id)


@dataclass(frozen=True, slots=True)
class EraseReport:
    """What became of the request.

    `rows` went from each table (all its branches and tags together), `left` says where the subject is still found,
    `young_files` are those that no snapshot reaches but that may belong to a commit at work.
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
    """Erase the shopper; safe to stop and to run again. A shopper whom a case of `holds` holds is left as they are.

    Raises BatchUnfinished while ingest has a batch to finish, SettingFault where the record is kept under another key.
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
    """From here on ingest refuses what was recorded of the shopper by now."""
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
    """Let go of what is not needed any more; where the subject is in what is left, and how many files are too young."""
    left: list[str] = []
    young = 0
    for table in _tables(upkeep):
        young += purge(upkeep, table, now, orphans_older_than)
        for snapshot in table.snapshots:
            found = table.count(subjects.rows_of(table, subject, snapshot.snapshot_id), snapshot.snapshot_id)
            left += [f"{table.name} at snapshot {snapshot.snapshot_id}: {found} rows"] if found else []
    return tuple(left), young


def _tables(upkeep: IcebergUpkeep) -> list[UpkeepTable]:
    """Every table that can hold the shopper, those by which others are found at the end."""
    tables = [table for table in map(upkeep.table, upkeep.names()) if subjects.can_hold(table)]
    return sorted(tables, key=lambda table: (subjects.order(table), table.name))
