"""A principal's key: random, shown once, kept as a hash, and ended by a row of its own."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key, which is not the key itself. `ends_at` is the earliest of its expiry and its ends."""

    key_id: str
    principal_id: str
    made_at: datetime
    ends_at: datetime | None = None

    def valid_at(self, at: datetime) -> bool:
        return self.ends_at is None or at < self.ends_at


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to add to a principal; `by` is who makes it, None for the owner of the database."""

    principal_id: str
    key_hash: bytes
    made_at: datetime
    expires_at: datetime | None = None
    by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class EndOfKey:
    """That a key ends at a moment, which may lie ahead."""

    key_id: str
    ends_at: datetime
    set_at: datetime
    by: str | None = None
    reason: str | None = None


def new_key() -> str:
    """A key of 256 random bits."""
    return f"trk_{secrets.token_urlsafe(32)}"


def hash_of_key(key: str) -> bytes:
    """What is stored of a key. A key is 256 random bits, so one round of SHA-256 is enough."""
    return hashlib.sha256(key.encode()).digest()
