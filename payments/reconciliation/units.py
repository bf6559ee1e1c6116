"""Lines that are booked together or not at all, so that one that cannot be booked holds up no other.

A unit is a payout of the provider with its parts and its credit at the bank, all repayments on one shopper's account
(which compete for the same dues), or a single line.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields

from payments.break_class import BreakClass
from payments.expectation_key import PayoutKey
from payments.files.line import FileLine
from payments.line_key import LineKey
from payments.rail_profile import RailProfile
from payments.reconciliation.bookings_from_matches import Consequences, a_break
from payments.transaction import Transaction
from terminal.fault import Fault

Unit = Sequence[FileLine]
Settle = Callable[[Mapping[LineKey, FileLine]], Consequences]

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def units_of(lines: Iterable[FileLine]) -> list[Unit]:
    """The lines by unit, in the order of each unit's first line, whatever the order of the lines."""
    found: dict[object, list[FileLine]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line.to_match().order()):
        found[_unit(line)].append(line)
    return list(found.values())


def each_alone(
    units: Sequence[Unit], settle: Settle, transaction: Transaction
) -> tuple[list[Consequences], list[tuple[Unit, Exception]]]:
    """Settle all units at once; if that fails, each half by itself, down to the units that fail by themselves.

    A failed unit leaves nothing written. More savepoints than one are taken only where something failed.
    """
    if not units:
        return [settle({})], []
    try:
        with transaction():
            return [settle({line.line_key: line for unit in units for line in unit})], []
    except Exception as error:  # noqa: BLE001 - whatever the reason, it belongs to one unit and stops no other
        if len(units) == 1:
            return [], [(units[0], error)]
    half = len(units) // 2
    first, first_failed = each_alone(units[:half], settle, transaction)
    second, second_failed = each_alone(units[half:], settle, transaction)
    return [*first, *second], [*first_failed, *second_failed]


def together(
    found: Iterable[Consequences], failed: Iterable[tuple[Unit, Exception]], profile: RailProfile
) -> Consequences:
    """The consequences of all units; each line of a failed unit is a break with the reason."""
    whole = Consequences()
    for part in found:
        for each in fields(Consequences):
            getattr(whole, each.name).extend(getattr(part, each.name))
    for unit, error in failed:
        reason = f"cannot be booked: {reason_of(error)}"
        whole.breaks.extend(a_break(line, BreakClass.STATUS_CONFLICT, reason, profile) for line in unit)
    return whole


def reason_of(error: Exception) -> str:
    r"""What went wrong, on one line without control characters, as a break can store it.

    >>> reason_of(ValueError("no such day\n"))
    'ValueError: no such day'
    """
    said = error.user_message if isinstance(error, Fault) else f"{type(error).__name__}: {error}"
    return _UNPRINTABLE.sub(" ", said).strip()[:500]


def _unit(line: FileLine) -> object:
    match line.key:
        case PayoutKey(payout_id):
            return PayoutKey, payout_id
        case _ if line.payout_id is not None:
            return PayoutKey, line.payout_id
        case _ if line.account_id is not None:
            return line.account_id
        case _:
            return line.line_key
