"""What every act that sends something to a provider needs: one sender at a time, and the messages kept as they were."""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol


class Sending(Protocol):
    """Guards what is being sent, and keeps the raw messages of it."""

    def guard(self, ids: Sequence[str]) -> AbstractContextManager[list[str]]:
        """Those of the ids that no other worker is sending or resolving; they are the caller's for the block.

        It is taken outside any database transaction, because the guard must not end or fail with one.
        """

    def keep_message(self, direction: str, kind: str, about: str, body: str, at: datetime) -> str:
        """Keep a raw message once and answer its id, which is its hash."""


def message_id_of(direction: str, kind: str, about: str, body: str) -> str:
    """A message's id is the hash of what it says, so that the same message is kept once."""
    return hashlib.sha256(f"{direction}\n{kind}\n{about}\n{body}".encode()).hexdigest()
