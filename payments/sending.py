"""The port for acts that send requests to a provider: one sender for each id at a time, and storage of raw messages."""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol


class Sending(Protocol):
    """Guards ids while they are being sent, and stores the raw messages."""

    def guard(self, ids: Sequence[str]) -> AbstractContextManager[list[str]]:
        """Guard those of the ids that no other worker is sending or resolving, until the block ends; returns them.

        Call it outside any database transaction, because the guard must not end or fail with one.
        """

    def keep_message(self, direction: str, kind: str, about: str, body: str, at: datetime) -> str:
        """Store a raw message once and return its id, which is its hash."""


def message_id_of(direction: str, kind: str, about: str, body: str) -> str:
    """The id of a message: the hash of its content, so that the same message is stored once."""
    return hashlib.sha256(f"{direction}\n{kind}\n{about}\n{body}".encode()).hexdigest()
