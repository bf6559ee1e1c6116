"""A principal: a person or a program that acts, known by an id and recognised by a key."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from ledger.identity.key import EndOfKey, Key, NewKey, hash_of_key, new_key
from terminal.fault import Fault

LOCAL = "local"
"""The principal of a local runtime, whose commands need no key."""

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_MERCHANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts. Two acts are by one person exactly when the ids are equal.

    A principal of a merchant sees and acts on what is this merchant's; without one it belongs to the back office.
    """

    principal_id: str
    role: str
    added_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    merchant_id: str | None = None

    def valid_at(self, at: datetime) -> bool:
        ended = [each for each in (self.expires_at, self.revoked_at) if each is not None]
        return all(at < each for each in ended)

    def sees(self, merchant_id: str | None) -> bool:
        """Whether what belongs to this merchant, or to none, is in its scope."""
        return self.merchant_id is None or self.merchant_id == merchant_id


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that was presented, with its principal."""

    principal: Principal
    key: Key

    def accepted(self, at: datetime) -> Principal:
        """The principal; raises PrincipalFault when it or the key has ended by then."""
        who = self.principal
        if who.revoked_at is not None and at >= who.revoked_at:
            raise PrincipalFault(f"{who.principal_id} was revoked")
        if who.expires_at is not None and at >= who.expires_at:
            raise PrincipalFault(f"{who.principal_id} has expired, at {_minute(who.expires_at)}")
        ends_at = self.key.ends_at
        if ends_at is not None and at >= ends_at:
            another = f"`tranche ledger keys add {who.principal_id}` makes another"
            raise PrincipalFault(f"the key {self.key.key_id} ended at {_minute(ends_at)}; {another}")
        return who


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """One change of who may act: what changed, who did it and why.

    `changed_by` is None for the owner of the database, who adds the first principal.
    """

    changed_at: datetime
    change: str
    principal_id: str
    key_id: str | None
    changed_by: str | None
    reason: str | None
    ends_at: datetime | None


class PrincipalFault(Fault):
    """Raised for a principal that cannot be added or changed, or for a key that identifies none."""


class Principals(Protocol):
    """Stores principals and the hashes of their keys. An adapter never commits."""

    def add(self, principal: Principal, key_hash: bytes | None, *, by: str | None, reason: str | None) -> bool:
        """Add a principal, with a first key if it has one; False when the id is taken, and then nothing changes."""

    def add_key(self, new: NewKey) -> Key:
        """Add another key of a principal."""

    def end_key(self, end: EndOfKey) -> None:
        """End a key at a moment; of several ends the earliest counts."""

    def by_key(self, key_hash: bytes) -> KnownKey | None:
        """The key with this hash and its principal, revoked and expired ones included."""

    def by_id(self, principal_id: str) -> Principal | None:
        """The principal with this id, revoked and expired ones included."""

    def listed(self) -> Sequence[Principal]:
        """Every principal there ever was, in the order of their ids."""

    def keys(self, principal_id: str | None = None) -> Sequence[Key]:
        """Every key there ever was, of one principal or of all."""

    def changes(self) -> Sequence[IdentityChange]:
        """Every change of principals and keys, the oldest first."""

    def revoke(self, principal_id: str, at: datetime, *, by: str | None, reason: str | None) -> bool:
        """End a principal for good; False when it was ended before."""


def add_principal(
    principal_id: str,
    role: str,
    *,
    expires_at: datetime | None,
    principals: Principals,
    at: datetime,
    merchant_id: str | None = None,
    by: str | None = None,
    reason: str | None = None,
) -> str:
    """Add a principal and return its key, which is stored nowhere."""
    check_principal_id(principal_id)
    if merchant_id is not None and not _MERCHANT.fullmatch(merchant_id):
        raise PrincipalFault(f"{merchant_id!r} is no id of a merchant: up to 60 letters, digits, dots, hyphens")
    key = new_key()
    principal = Principal(principal_id, role, at, expires_at, merchant_id=merchant_id)
    if not principals.add(principal, hash_of_key(key), by=by, reason=reason):
        raise PrincipalFault(
            f"there is a principal {principal_id} already; an id is used once, also after a revocation"
        )
    return key


def identify(key: str | None, *, principals: Principals, at: datetime) -> Principal:
    """The principal whose key this is; without a key, the one of a local runtime. Raises PrincipalFault."""
    if key is not None:
        known = principals.by_key(hash_of_key(key))
        if known is None:
            raise PrincipalFault("no principal has this key")
        return known.accepted(at)
    found = principals.by_id(LOCAL)
    if found is None:
        raise PrincipalFault("no key was given; set TRANCHE_KEY to the key that `tranche ledger add-principal` printed")
    if not found.valid_at(at):
        raise PrincipalFault(f"{found.principal_id} was revoked or has expired")
    return found


def check_principal_id(principal_id: str) -> None:
    """Raises PrincipalFault for an id that is not small letters, digits and hyphens."""
    if not _ID.fullmatch(principal_id):
        raise PrincipalFault(f"{principal_id!r}: an id is up to 40 small letters, digits and hyphens, such as ann-lee")
