"""How much of an event type a batch may reject before it is stopped: a broken producer is no quarantine's business."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from data_contracts.catalog import event_contracts
from pipelines.ingest.checked import UNKNOWN_TYPE
from terminal.fault import Fault

# Of what has no contract nobody can say how much is usual; a producer that misspells its type is to be noticed.
UNKNOWN_LIMIT = 20
# One bad record of two says nothing yet.
FEWEST_RECORDS = 100
# A source that was sound and breaks half way has a small share and a long run.
LONGEST_RUN = 500


@dataclass(frozen=True, slots=True)
class Excess:
    """An event type over its limit: the share or the longest run of rejects, and the most frequent rules."""

    event_type: str
    read: int
    rejected: int
    limit: int
    run: int
    rules: tuple[str, ...] = ()

    def __str__(self) -> str:
        share = 100 * self.rejected / self.read
        told = f"{self.event_type}: {self.rejected:,} of {self.read:,} rejected ({share:.1f} %, limit {self.limit} %)"
        if share <= self.limit:
            told += f", {self.run:,} of them in a row (limit {LONGEST_RUN})"
        return f"{told}; most often {'; '.join(self.rules)}" if self.rules else told


class TooManyRejects(Fault):
    """A batch goes over the limit of an event type; nothing of it was written and the next run reads it again."""

    def __init__(self, excesses: Iterable[Excess]) -> None:
        self.excesses = tuple(excesses)
        types = " ".join(f"--accept-rejects {each.event_type}" for each in self.excesses)
        super().__init__(
            f"nothing was written, the stream stands where it stood. {' | '.join(map(str, self.excesses))}. "
            f"Mend the producer or the contract and run again, or let it through: {types}"
        )


def limits() -> dict[str, int]:
    """The percent of each event type that a batch may reject; a contract that names none has no limit."""
    found = {name: contract.terms.rejected_share_limit for name, contract in event_contracts().items()}
    return {name: limit for name, limit in found.items() if limit is not None} | {UNKNOWN_TYPE: UNKNOWN_LIMIT}


def may_reject(read: int, rejected: int, limit: int, longest_run: int) -> bool:
    """Whether so many rejects are within the limit; `limit` is a percentage and itself allowed.

    >>> may_reject(read=1_000, rejected=200, limit=20, longest_run=7)
    True
    >>> may_reject(read=1_000, rejected=201, limit=20, longest_run=7)
    False
    >>> may_reject(read=2, rejected=1, limit=20, longest_run=1)
    True
    >>> may_reject(read=100_000, rejected=501, limit=20, longest_run=501)
    False
    """
    return (read < FEWEST_RECORDS or 100 * rejected <= limit * read) and longest_run <= LONGEST_RUN


def worth_a_look(read: int, rejected: int, limit: int) -> bool:
    """Whether the records' order has to be looked at: a long run needs many rejects."""
    return rejected > LONGEST_RUN or not may_reject(read, rejected, limit, 0)
