"""Act: seal what is final of the journal, batch by batch, each chained to the one before it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

MOST_AT_ONCE = 20_000  # requests of one database transaction: what an interrupted run may have to do again
SEAL_SIZE = 1_000  # so that a question about a moment inside a seal reads few of its entries


@dataclass(frozen=True, slots=True)
class Seal:
    """The newest seal. Its root stands for every entry up to here: kept elsewhere, it shows that none was changed."""

    seal_no: int
    root: str
    known_to: datetime
    sealed_at: datetime
    entries: int


class Sealer(Protocol):
    """Seals the books; each call is a database transaction of its own."""

    def seal_next(self, most: int, size: int) -> int:
        """Seal up to `most` further requests in seals of at most `size`; how many there were."""

    def newest(self) -> Seal | None:
        """The last seal; its `entries` are all up to it."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """How many requests this run sealed, and the newest seal."""

    entries: int
    newest: Seal | None


def seal(sealer: Sealer, *, most: int = MOST_AT_ONCE, size: int = SEAL_SIZE) -> Sealed:
    """Seal everything that is final. Safe to stop at any point, to run again and to run twice at once."""
    entries = 0
    while found := sealer.seal_next(most, size):
        entries += found
        if found < most:
            break
    return Sealed(entries, sealer.newest())
