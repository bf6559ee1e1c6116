"""Lines that are booked together or not at all, so that one that cannot be booked holds up no other.

A unit is a payout of the provider with its parts and its credit at the bank, all repayments on one shopper's account
(which compete for the same dues), or a single line.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import fields

from payments.break_class import BreakClass
from payments.each_alone import reason_of
from payments.expectation_key import PayoutKey
from payments.files.line import FileLine
from payments.rail_profile import RailProfile
from payments.reconciliation.bookings_from_matches import Consequences, a_break

Unit = Sequence[FileLine]


def units_of(lines: Iterable[FileLine]) -> list[Unit]:
    """The lines by unit, in the order of each unit's first line, whatever the order of the lines."""
    found: dict[object, list[FileLine]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line.to_match().order()):
        found[_unit(line)].append(line)
    return list(found.values())


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
