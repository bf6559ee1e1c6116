"""Does one thing with many units at once, so that one that fails costs itself alone."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from payments.transaction import Transaction
from terminal.fault import Fault

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 40  # units in one database transaction

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def each_alone(
    units: Sequence[T], act: Callable[[Sequence[T]], R], transaction: Transaction
) -> tuple[list[R], list[tuple[T, Exception]]]:
    """Act on all units in one transaction; if that fails, on each half in its own, down to the units that fail.

    Returns what the act returned for each part that held, and the failed units, of which nothing stays written.
    """
    if not units:
        return [], []
    try:
        with transaction():
            return [act(units)], []
    except Exception as error:  # noqa: BLE001  # whatever the reason: it belongs to one unit and stops no other
        if len(units) == 1:
            return [], [(units[0], error)]
    half = len(units) // 2
    first, first_failed = each_alone(units[:half], act, transaction)
    second, second_failed = each_alone(units[half:], act, transaction)
    return [*first, *second], [*first_failed, *second_failed]


def in_chunks(units: Sequence[T]) -> Iterator[Sequence[T]]:
    """The units in their order, as many at a time as one database transaction takes."""
    return (units[start : start + AT_ONCE] for start in range(0, len(units), AT_ONCE))


def reason_of(error: Exception) -> str:
    r"""What went wrong, on one line without control characters, as a break can store it.

    >>> reason_of(ValueError("no such day\n"))
    'ValueError: no such day'
    """
    said = error.user_message if isinstance(error, Fault) else f"{type(error).__name__}: {error}"
    return _UNPRINTABLE.sub(" ", said).strip()[:500]
