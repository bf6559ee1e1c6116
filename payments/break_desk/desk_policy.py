"""The limits of the break desk, read from a versioned policy file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.money import AmountFault, Currency, Money
from terminal.fault import Fault

DESK_POLICY = Path(__file__).parent.parent / "policies" / "desk-1.toml"


class DeskPolicyFault(Fault):
    """Raised for a policy file of the desk that cannot be used; names the file and the entry."""


@dataclass(frozen=True, slots=True)
class DeskPolicy:
    """`accept_days`: for how long a break may be left open. The largest tolerated difference, each and in one day."""

    accept_days: int
    each: Mapping[Currency, Money]
    day: Mapping[Currency, Money]


def desk_policy(path: Path = DESK_POLICY) -> DeskPolicy:
    """Read the file; raises DeskPolicyFault for a missing or malformed entry."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        tolerance = tree["tolerance"]
        policy = DeskPolicy(tree["accept_days"], _amounts(tolerance["each"]), _amounts(tolerance["day"]))
    except (KeyError, ValueError, TypeError, AmountFault) as error:
        raise DeskPolicyFault(f"{path}: {error}: missing or malformed") from error
    if type(policy.accept_days) is not int or policy.accept_days < 1:
        raise DeskPolicyFault(f"{path}: accept_days: {policy.accept_days!r} is not a number of days")
    return policy


def _amounts(tree: Mapping[str, Any]) -> dict[Currency, Money]:
    return {Currency(code): Money.parse(text, Currency(code)) for code, text in tree.items()}
