"""A principal: a person or a program that acts, known by an id and recognised by a key."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from terminal.fault import Fault

LOCAL = "local"
"""The principal of a local runtime, which acts without a key."""

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts. Two acts are by one person exactly when the ids are equal."""

    principal_id: str
    role: str
    added_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def valid_at(self, at: datetime) -> bool:
        ended = [each for each in (self.expires_at, self.revoked_at) if each is not None]
        return all(at < each for each in ended)


class PrincipalFault(Fault):
    """Raised for a principal that cannot be added, or for a key that identifies none."""


class Principals(Protocol):
    """Stores principals. An adapter never commits."""

    def add(self, principal: Principal, key_hash: bytes | None) -> bool:
        """Add a principal; False when the id is taken, and then nothing changes."""

    def by_key(self, key_hash: bytes) -> Principal | None:
        """The principal with this key, revoked and expired ones included."""

    def by_id(self, principal_id: str) -> Principal | None:
        """The principal with this id, revoked and expired ones included."""

    def listed(self) -> Sequence[Principal]:
        """Every principal there ever was, in the order of their ids."""

    def revoke(self, principal_id: str, at: datetime) -> bool:
        """End a principal for good; False when it was ended before."""


def add_principal(
    principal_id: str, role: str, *, expires_at: datetime | None, principals: Principals, at: datetime
) -> str:
    """Add a principal and return its key, which is stored nowhere."""
    check_principal_id(principal_id)
    key = f"trk_{secrets.token_urlsafe(32)}"
    if not principals.add(Principal(principal_id, role, at, expires_at), hash_of_key(key)):
        raise PrincipalFault(
            f"there is a principal {principal_id} already; an id is used once, also after a revocation"
        )
    return key


def identify(key: str | None, *, principals: Principals, at: datetime) -> Principal:
    """The principal whose key this is; without a key, the one of a local runtime. Raises PrincipalFault."""
    if key is None:
        found = principals.by_id(LOCAL)
        missing = "no key was given; set TRANCHE_KEY to the key that `tranche ledger add-principal` printed"
    else:
        found = principals.by_key(hash_of_key(key))
        missing = "no principal has this key"
    if found is None:
        raise PrincipalFault(missing)
    if not found.valid_at(at):
        raise PrincipalFault(f"{found.principal_id} was revoked or has expired")
    return found


def hash_of_key(key: str) -> bytes:
    """What is stored of a key. A key is 256 random bits, so one round of SHA-256 is enough."""
    return hashlib.sha256(key.encode()).digest()


def check_principal_id(principal_id: str) -> None:
    """Raises PrincipalFault for an id that is not small letters, digits and hyphens."""
    if not _ID.fullmatch(principal_id):
        raise PrincipalFault(f"{principal_id!r}: an id is up to 40 small letters, digits and hyphens, such as ann-lee")
