"""Act: seal the final entries of the journal in batches, each chained by hash to the one before it."""

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


class Sealer(Protocol):
    """Seals the books; each call is a separate database transaction."""

    def seal_next(self, most: int, size: int) -> int:
        """Seal up to `most` further requests in seals of at most `size`; returns how many were sealed."""

    def newest(self) -> Seal | None:
        """The newest seal, whose `entries` counts all entries sealed so far; None before the first."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The number of requests that this run sealed, and the newest seal."""

    entries: int
    newest: Seal | None


def seal(sealer: Sealer, *, most: int = MOST_AT_ONCE, size: int = SEAL_SIZE) -> Sealed:
    """Seal every final entry. Safe to interrupt, to repeat, and to run concurrently."""
    entries = 0
    while found := sealer.seal_next(most, size):
        entries += found
        if found < most:
            break
    return Sealed(entries, sealer.newest())
