"""Units: lines that are booked together or not at all, so that one that cannot be booked holds up no other.

A unit is a payout of the provider with its parts and its credit at the bank, all repayments on one shopper's account
(which compete for the same dues), or a single line; see `payments/schema/functions/unit_of_line.sql`.
"""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from payments.breaks import Break
from payments.expectation_key import ExpectationKey
from payments.reconciliation.bookings_from_matches import Consequences
from payments.reconciliation.matching import MatchRule

LINES_AT_ONCE = 5_000  # bounds the memory of a run
_OBJECTS_BETWEEN_COLLECTIONS = 200_000


@contextmanager
def many_values() -> Iterator[None]:
    """Look for reference cycles more rarely inside the block.

    A set of lines is some hundred thousand small values without cycles, which are all looked through again and again
    while they live: a fifth of the time of a run.
    """
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@dataclass(slots=True)
class Settled:
    """The figures of what was settled so far. The matched lines themselves are in their tables.

    `late`: keys of expectations met after their due-by day.
    """

    by_id: int = 0
    by_rule: int = 0
    entries: int = 0
    late: list[ExpectationKey] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)

    @classmethod
    def of(cls, written: Consequences) -> "Settled":
        by_id = sum(1 for matched in written.matches if matched.rule is MatchRule.ID)
        by_rule = len(written.matches) - by_id
        return cls(by_id, by_rule, len(written.journals), written.late, written.breaks)

    def add(self, other: "Settled") -> None:
        self.by_id += other.by_id
        self.by_rule += other.by_rule
        self.entries += other.entries
        self.late += other.late
        self.breaks += other.breaks


def sets_of(units: Iterable[tuple[str, int]], lines_at_once: int = LINES_AT_ONCE) -> Iterator[list[str]]:
    """Units with their numbers of lines, in sets of about so many lines; a unit is never cut.

    >>> list(sets_of([("a", 2), ("b", 2), ("c", 9), ("d", 1)], lines_at_once=3))
    [['a', 'b'], ['c'], ['d']]
    """
    found: list[str] = []
    lines = 0
    for unit, count in units:
        found.append(unit)
        lines += count
        if lines >= lines_at_once:
            yield found
            found, lines = [], 0
    if found:
        yield found
