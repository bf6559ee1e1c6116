"""Files of payouts for the bank, as batches: each payout is in one of them, and none is ever overwritten.

A payout is ordered in the database transaction that books it. Files are written after the commit, so that any later
run, of any day, writes what a killed one left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from payments.files.control_file import FileContent
from payments.files.payout_file import Payout, write_payouts
from payments.transaction import Transaction
from terminal.fault import Fault


class BatchKind(StrEnum):
    """What the payouts of a file are for; the first part of its name."""

    PAYOUTS = "payouts"
    REFUNDS = "refunds"


@dataclass(frozen=True, slots=True)
class Batch:
    """The payouts of one file. `serial` counts the files of a kind and day from 1."""

    kind: BatchKind
    day: date
    serial: int
    payouts: tuple[Payout, ...]

    @property
    def batch_id(self) -> str:
        """The name of the file, without its suffix.

        >>> Batch(BatchKind.REFUNDS, date(2026, 3, 10), 2, ()).batch_id
        'refunds-2026-03-10-2'
        """
        return f"{self.kind}-{self.day.isoformat()}-{self.serial}"


class PayoutBatches(Protocol):
    """Stores the payouts that the bank is to make, and the files that ask it for them. An adapter never commits."""

    def lock(self) -> None:
        """Take the lock of the files, waiting for any other run; held until the caller's transaction ends."""

    def order(self, kind: BatchKind, payouts: Sequence[Payout]) -> None:
        """Store payouts for the next file of their kind."""

    def bundle(self, kind: BatchKind, on: date) -> None:
        """Put everything ordered that is in no batch yet into a new batch of the day, if there is anything."""

    def unwritten(self, kind: BatchKind) -> list[Batch]:
        """The batches of any day whose file is not known to be written, the oldest first."""

    def written(self, batch: Batch, sha256: str, at: datetime) -> None:
        """Store that the file of a batch is written, and the hash of its bytes."""


class BatchFault(Fault):
    """Raised for a file in the outbox that has the name of a batch and another content."""


def write_batches(
    kind: BatchKind, on: date, *, batches: PayoutBatches, outbox: Path, transaction: Transaction, at: datetime
) -> tuple[str, ...]:
    """Write what is ordered and not written, of this day and of earlier ones; returns the names of the files.

    A file that is there already with the same content is kept: a run was killed after it had written it. Two runs at
    once write one after the other, since they would write over each other's unfinished file.
    """
    with transaction():
        batches.bundle(kind, on)
    names = []
    with transaction():
        batches.lock()
        for batch in batches.unwritten(kind):
            path = outbox / f"{batch.batch_id}.csv"
            batches.written(batch, _write(path, batch), at)
            names.append(path.name)
    return tuple(names)


def _write(path: Path, batch: Batch) -> str:
    """Write the file unless it is there; returns the hash of its bytes."""
    if not path.exists():
        write_payouts(path, batch.payouts)
        return FileContent.of(path).digest
    mine = path.with_name(f".{path.name}.compared")
    try:
        write_payouts(mine, batch.payouts)
        there, should = FileContent.of(path), FileContent.of(mine)
    finally:
        mine.unlink(missing_ok=True)
    if there.digest != should.digest:
        raise BatchFault(f"{path}: is there with other payouts than batch {batch.batch_id}; nothing was overwritten")
    return there.digest
