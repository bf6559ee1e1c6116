"""Act: make, replace and end keys of principals. Who does it has the right `keys`; what is done stays on record."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.identity.authority import Authority, Right
from ledger.identity.key import EndOfKey, Key, NewKey, hash_of_key, new_key
from ledger.identity.principal import LOCAL, Principal, PrincipalFault, Principals, identify

OVERLAP = timedelta(days=1)
"""How long the keys before a rotation still work, unless the rotation says otherwise."""


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key, which is shown once, and the keys that end because of it."""

    key: Key
    secret: str
    ending: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class By:
    """Who changes principals and keys, when and why. `principal_id` is None for the owner of an empty database."""

    principal_id: str | None
    at: datetime
    reason: str | None = None


def key_keeper(key: str | None, *, principals: Principals, authority: Authority, at: datetime) -> Principal | None:
    """Who may change principals and keys: whose key this is. None while nobody may, for the first one to be added.

    Raises PrincipalFault for a key that is not accepted, for a role without the right, and where a key is needed.
    """
    if key is None and principals.by_id(LOCAL) is None:
        keepers = [each for each in principals.listed() if each.valid_at(at) and _keeps(each, authority)]
        if not keepers:
            return None
    found = identify(key, principals=principals, at=at)
    if not _keeps(found, authority):
        raise PrincipalFault(f"the role {found.role} of {found.principal_id} may not change principals and keys")
    return found


def _keeps(principal: Principal, authority: Authority) -> bool:
    return authority.role(principal.role).has(Right.KEYS)


def make_key(principal_id: str, by: By, *, expires_at: datetime | None, principals: Principals) -> MadeKey:
    """Another key of a principal; those before still work. Raises PrincipalFault."""
    _living(principal_id, by.at, principals)
    if expires_at is not None and expires_at <= by.at:
        raise PrincipalFault(f"a key cannot end at {expires_at:%Y-%m-%d %H:%M}, which is over")
    secret = new_key()
    new = NewKey(principal_id, hash_of_key(secret), by.at, expires_at, by.principal_id, by.reason)
    return MadeKey(principals.add_key(new), secret)


def rotate_key(
    principal_id: str, by: By, *, overlap: timedelta, expires_at: datetime | None, principals: Principals
) -> MadeKey:
    """A new key of a principal; every other one ends after the overlap. Raises PrincipalFault."""
    if overlap < timedelta(0):
        raise PrincipalFault("an overlap is not negative")
    before = [each for each in principals.keys(principal_id) if each.valid_at(by.at + overlap)]
    made = make_key(principal_id, by, expires_at=expires_at, principals=principals)
    for each in before:
        principals.end_key(EndOfKey(each.key_id, by.at + overlap, by.at, by.principal_id, by.reason))
    return MadeKey(made.key, made.secret, tuple(before))


def end_key(key_id: str, by: By, *, ends_at: datetime, principals: Principals) -> bool:
    """End a key now or at a moment ahead; False when it ends no later already. Raises PrincipalFault."""
    known = next((each for each in principals.keys(key_id.rpartition(".")[0]) if each.key_id == key_id), None)
    if known is None:
        raise PrincipalFault(f"there is no key {key_id}; `tranche ledger keys list` names them")
    if ends_at < by.at:
        raise PrincipalFault(f"a key ends now or later, and {ends_at:%Y-%m-%d %H:%M} is over")
    if not known.valid_at(ends_at):
        return False
    principals.end_key(EndOfKey(key_id, ends_at, by.at, by.principal_id, by.reason))
    return True


def _living(principal_id: str, at: datetime, principals: Principals) -> Principal:
    found = principals.by_id(principal_id)
    if found is None:
        raise PrincipalFault(f"there is no principal {principal_id}")
    if not found.valid_at(at):
        raise PrincipalFault(f"{principal_id} was revoked or has expired; an ended principal gets no key")
    return found
