"""The authority file: which role may do which act alone up to which amount, and whose acts it may approve."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ledger.money import AmountFault, Currency, Money
from terminal.fault import Fault
from terminal.lenders_own import lenders_own

EVERY_ACT = "*"


class Right(StrEnum):
    """What a role may ask for beside acts on plans."""

    DECIDE = "decide"
    ACCEPT = "accept"
    READ = "read"
    PROPOSALS = "proposals"
    REFERRALS = "referrals"
    CONTEST = "contest"
    BREAKS = "breaks"
    BOOKS = "books"
    KEYS = "keys"
    ACCESSES = "accesses"
    STOPS = "stops"


class AuthorityFault(Fault):
    """Raised for an authority file that cannot be read; names the role and the field."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Acts up to a limit. `limit` is None where there is no upper bound."""

    acts: frozenset[str] = frozenset()
    limit: Mapping[Currency, Money] | None = None

    def names(self, act: str) -> bool:
        return act in self.acts or EVERY_ACT in self.acts

    def covers(self, amount: Money | None) -> bool:
        """Whether the amount is within the limit; an act without an amount always is."""
        if amount is None or self.limit is None:
            return True
        most = self.limit.get(amount.currency)
        return most is not None and amount <= most


@dataclass(frozen=True, slots=True)
class Role:
    """What a role may ask for, what it may do alone, and what it may approve of others.

    A principal of a role `of_merchant` belongs to a merchant. `reads_for` are the purposes for which it may read what
    is kept of a person, the usual one first.
    """

    name: str
    meaning: str
    does: Reach = field(default_factory=Reach)
    approves: Reach = field(default_factory=Reach)
    may: frozenset[Right] = frozenset()
    of_merchant: bool = False
    reads_for: tuple[str, ...] = ()

    def has(self, right: Right) -> bool:
        return right in self.may


@dataclass(frozen=True, slots=True)
class Authority:
    """The roles by name, and the purposes of reading with their meaning.

    A role that the file does not name may do nothing.
    """

    roles: Mapping[str, Role]
    purposes: Mapping[str, str] = field(default_factory=dict)

    def role(self, name: str) -> Role:
        return self.roles.get(name) or Role(name, "in no authority file")


@cache
def authority_file() -> Authority:
    """The lender's authority file, or the one of this package."""
    own = lenders_own("authority.toml", Path(str(files("ledger"))) / "authority.toml")
    return read_authority(own.read_text(encoding="utf-8"))


def read_authority(text: str) -> Authority:
    """Read an authority file. Raises AuthorityFault for an unknown key, currency or amount."""
    tree = tomllib.loads(text)
    if tree.keys() - {"purposes"} != {"roles"}:
        found = ", ".join(sorted(tree))
        raise AuthorityFault(f"authority file: expected the tables purposes and roles, found {found}")
    purposes = tree.get("purposes", {})
    return Authority({name: _role(name, each, purposes) for name, each in tree["roles"].items()}, purposes)


def _role(name: str, tree: Mapping[str, Any], purposes: Mapping[str, str]) -> Role:
    unknown = tree.keys() - {
        "meaning", "of_merchant", "may", "acts", "limit", "approves", "approves_limit", "reads_for"
    }  # fmt: skip
    if unknown:
        raise AuthorityFault(f"authority file: role {name}: {min(unknown)} is no key of a role")
    return Role(
        name,
        tree.get("meaning", ""),
        Reach(frozenset(tree.get("acts", ())), _limit(name, "limit", tree)),
        Reach(frozenset(tree.get("approves", ())), _limit(name, "approves_limit", tree)),
        _rights(name, tree.get("may", ())),
        tree.get("of_merchant", False),
        _reads_for(name, tree.get("reads_for", ()), purposes),
    )


def _reads_for(role: str, names: Sequence[str], purposes: Mapping[str, str]) -> tuple[str, ...]:
    """The purposes, without repetition; "*" stands for all that are not named."""
    unknown = set(names) - purposes.keys() - {EVERY_ACT}
    if unknown:
        raise AuthorityFault(f"authority file: role {role}: reads_for: {min(unknown)} is none of {', '.join(purposes)}")
    each = [purpose for name in names for purpose in (purposes if name == EVERY_ACT else (name,))]
    return tuple(dict.fromkeys(each))


def _rights(role: str, names: Sequence[str]) -> frozenset[Right]:
    unknown = set(names) - set(Right) - {EVERY_ACT}
    if unknown:
        raise AuthorityFault(f"authority file: role {role}: may: {min(unknown)} is none of {', '.join(Right)}")
    return frozenset(Right) if EVERY_ACT in names else frozenset(map(Right, names))


def _limit(role: str, key: str, tree: Mapping[str, Any]) -> Mapping[Currency, Money] | None:
    if key not in tree:
        return None
    try:
        return {Currency(code): Money.parse(text, Currency(code)) for code, text in tree[key].items()}
    except (AmountFault, ValueError, TypeError) as error:
        raise AuthorityFault(f"authority file: role {role}: {key}: {error}") from error
