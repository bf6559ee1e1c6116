"""Act: seal the final entries of the journal, and rows of other tables, in batches chained by hash.

Entries have one chain of seals. The rows of the append-only tables outside the journal, such as the events of plans,
acts and principals, have a second one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

MOST_AT_ONCE = 20_000  # requests per database transaction, which an interrupted run may have to repeat
SEAL_SIZE = 1_000  # small, so that a query as of a moment inside a seal reads few entries


@dataclass(frozen=True, slots=True)
class Seal:
    """The newest seal. Its root covers every entry so far; a copy kept elsewhere proves that none was changed."""

    seal_no: int
    root: str
    known_to: datetime
    sealed_at: datetime
    entries: int

    @property
    def tree(self) -> dict[str, object]:
        """What is kept of it elsewhere, as JSON."""
        return {
            "seal_no": self.seal_no,
            "root": self.root,
            "entries": self.entries,
            "known_to": self.known_to.isoformat(),
            "sealed_at": self.sealed_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class RowSeal:
    """The newest seal of rows. Its root covers every row that was sealed so far, of all tables."""

    seal_no: int
    root: str
    sealed_at: datetime
    rows: int

    @property
    def tree(self) -> dict[str, object]:
        """What is kept of it elsewhere, as JSON."""
        return {
            "seal_no": self.seal_no,
            "root": self.root,
            "rows": self.rows,
            "sealed_at": self.sealed_at.isoformat(),
        }


class Sealer(Protocol):
    """Seals the books; each call is a separate database transaction."""

    def seal_next(self, most: int, size: int) -> int:
        """Seal up to `most` further requests in seals of at most `size`; returns how many were sealed."""

    def seal_rows(self, most: int, size: int) -> int:
        """Like `seal_next`, for the rows of the tables outside the journal."""

    def newest(self) -> Seal | None:
        """The newest seal, whose `entries` counts all entries sealed so far; None before the first."""

    def newest_of_rows(self) -> RowSeal | None:
        """The newest seal of rows, whose `rows` counts all rows sealed so far; None before the first."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The number of requests and rows that this run sealed, and the newest seal of each chain."""

    entries: int
    newest: Seal | None
    rows: int
    newest_of_rows: RowSeal | None


def seal(sealer: Sealer, *, most: int = MOST_AT_ONCE, size: int = SEAL_SIZE) -> Sealed:
    """Seal every final entry and row. Safe to interrupt, to repeat, and to run concurrently."""
    entries = _all_of(sealer.seal_next, most, size)
    rows = _all_of(sealer.seal_rows, most, size)
    return Sealed(entries, sealer.newest(), rows, sealer.newest_of_rows())


def _all_of(seal_next: Callable[[int, int], int], most: int, size: int) -> int:
    sealed = 0
    while found := seal_next(most, size):
        sealed += found
        if found < most:
            break
    return sealed
