"""Faults that the simulated provider and bank plant, chosen by the seed; their labels are the truth for tests.

The n-th settlement that is large enough carries the n-th fault of the plan, so that the same seed and charges always
give the same faults. A label is written once the fault is visible from outside.
"""

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

LATE_DAYS = 6  # a late line is reported in the first settlement at least this many days later
RETURN_DAYS = 3  # a payment is returned in the first settlement at least this many days after its capture
SMALLEST_SETTLEMENT = 3  # captures that a settlement needs, so that one can be faulty


class FaultKind(StrEnum):
    """The kinds of fault."""

    LATE = "late"  # a capture is reported in a later file
    MISSING_LINE = "missing_line"  # a capture is never reported
    RETURNED = "returned"  # a payment is returned after it settled
    PARKED = "parked"  # a payout is credited to another bank account
    DUPLICATED_FILE = "duplicated_file"  # the same file is delivered twice
    CUT_FILE = "cut_file"  # a file arrives without its end before it arrives whole
    WRONG_BALANCE = "wrong_balance"  # a statement closes with another balance than its movements make, then a right one
    UNKNOWN_CREDIT = "unknown_credit"  # somebody pays our account who owes us nothing


OF_SETTLEMENTS = (
    FaultKind.LATE,
    FaultKind.MISSING_LINE,
    FaultKind.RETURNED,
    FaultKind.PARKED,
    FaultKind.DUPLICATED_FILE,
)
"""The kinds that a settlement of the provider carries; the others follow from the number of the bank's statement."""
_EVERY = 17
_PLACES = {8: FaultKind.WRONG_BALANCE, 12: FaultKind.CUT_FILE, 16: FaultKind.UNKNOWN_CREDIT}


def fault_of_statement(number: int) -> FaultKind | None:
    """The fault of the day of the bank's `number`-th statement (from 1).

    >>> fault_of_statement(2) is None, str(fault_of_statement(16)), str(fault_of_statement(25))
    (True, 'unknown_credit', 'wrong_balance')
    """
    return _PLACES.get(number % _EVERY)


@dataclass(frozen=True, slots=True)
class Label:
    """A planted fault: `about` is the attempt, payout or file; `planted_on` the first day on which it is visible."""

    kind: FaultKind
    about: str
    planted_on: date


def fault_of(seed: int, number: int) -> FaultKind | None:
    """The fault of the `number`-th settlement (from 1) that is large enough; first none, then each kind in turn.

    >>> fault_of(7, 1) is None
    True
    >>> sorted(str(fault_of(7, number)) for number in range(2, 7))
    ['duplicated_file', 'late', 'missing_line', 'parked', 'returned']
    """
    if number < 2:
        return None
    turn, place = divmod(number - 2, 2 * len(OF_SETTLEMENTS))
    if place >= len(OF_SETTLEMENTS):
        return None  # as many settlements without a fault first
    kinds = list(OF_SETTLEMENTS)
    random.Random(f"{seed}:faults:{turn}").shuffle(kinds)  # noqa: S311 - a simulation, not a secret
    return kinds[place]


def pick(seed: int, purpose: str, keys: Iterable[str]) -> str:
    """One of the keys, independent of their order."""
    return min(keys, key=lambda key: hashlib.sha256(f"{seed}:{purpose}:{key}".encode()).digest())


def fraction(seed: int, purpose: str, key: str) -> int:
    """A number from 0 to 9,999 derived from seed, purpose and key.

    >>> fraction(7, "outcome", "p-1/1#1") == fraction(7, "outcome", "p-1/1#1")
    True
    """
    return int.from_bytes(hashlib.sha256(f"{seed}:{purpose}:{key}".encode()).digest()[:8], "big") % 10_000
