"""The authority file: which role may do which act alone up to which amount, and whose acts it may approve."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from ledger.money import AmountFault, Currency, Money
from terminal.fault import Fault

EVERY_ACT = "*"


class Right(StrEnum):
    """What a role may ask for beside acts on plans."""

    DECIDE = "decide"
    ACCEPT = "accept"
    READ = "read"
    PROPOSALS = "proposals"
    BREAKS = "breaks"
    BOOKS = "books"
    KEYS = "keys"


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

    A principal of a role `of_merchant` belongs to a merchant.
    """

    name: str
    meaning: str
    does: Reach = field(default_factory=Reach)
    approves: Reach = field(default_factory=Reach)
    may: frozenset[Right] = frozenset()
    of_merchant: bool = False

    def has(self, right: Right) -> bool:
        return right in self.may


@dataclass(frozen=True, slots=True)
class Authority:
    """The roles by name. A role that the file does not name may do nothing."""

    roles: Mapping[str, Role]

    def role(self, name: str) -> Role:
        return self.roles.get(name) or Role(name, "in no authority file")


@cache
def authority_file() -> Authority:
    """The authority file of this package."""
    return read_authority(files("ledger").joinpath("authority.toml").read_text(encoding="utf-8"))


def read_authority(text: str) -> Authority:
    """Read an authority file. Raises AuthorityFault for an unknown key, currency or amount."""
    tree = tomllib.loads(text)
    if tree.keys() != {"roles"}:
        raise AuthorityFault(f"authority file: expected the table roles alone, found {', '.join(sorted(tree))}")
    return Authority({name: _role(name, each) for name, each in tree["roles"].items()})


def _role(name: str, tree: Mapping[str, Any]) -> Role:
    unknown = tree.keys() - {"meaning", "of_merchant", "may", "acts", "limit", "approves", "approves_limit"}
    if unknown:
        raise AuthorityFault(f"authority file: role {name}: {min(unknown)} is no key of a role")
    return Role(
        name,
        tree.get("meaning", ""),
        Reach(frozenset(tree.get("acts", ())), _limit(name, "limit", tree)),
        Reach(frozenset(tree.get("approves", ())), _limit(name, "approves_limit", tree)),
        _rights(name, tree.get("may", ())),
        tree.get("of_merchant", False),
    )


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
