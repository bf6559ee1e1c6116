"""The authority file: which role may do which act alone up to which amount, and whose acts it may approve."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from ledger.money import AmountFault, Currency, Money
from terminal.fault import Fault

EVERY_ACT = "*"


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
    """What a role may do alone, and what it may approve of others."""

    name: str
    meaning: str
    does: Reach = field(default_factory=Reach)
    approves: Reach = field(default_factory=Reach)


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
    unknown = tree.keys() - {"meaning", "acts", "limit", "approves", "approves_limit"}
    if unknown:
        raise AuthorityFault(f"authority file: role {name}: {min(unknown)} is no key of a role")
    return Role(
        name,
        tree.get("meaning", ""),
        Reach(frozenset(tree.get("acts", ())), _limit(name, "limit", tree)),
        Reach(frozenset(tree.get("approves", ())), _limit(name, "approves_limit", tree)),
    )


def _limit(role: str, key: str, tree: Mapping[str, Any]) -> Mapping[Currency, Money] | None:
    if key not in tree:
        return None
    try:
        return {Currency(code): Money.parse(text, Currency(code)) for code, text in tree[key].items()}
    except (AmountFault, ValueError, TypeError) as error:
        raise AuthorityFault(f"authority file: role {role}: {key}: {error}") from error
