"""Guards and raw messages in memory, for tests and examples."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from payments.sending import message_id_of


class MemorySending:
    """For one process and one thread: a second request for a guarded id is treated as that of another worker."""

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self._guarded: set[str] = set()

    @contextmanager
    def guard(self, ids: Sequence[str]) -> Iterator[list[str]]:
        """See `Sending.guard`."""
        taken = [each for each in sorted(ids) if each not in self._guarded]
        self._guarded.update(taken)
        try:
            yield taken
        finally:
            self._guarded.difference_update(taken)

    def keep_message(self, direction: str, kind: str, about: str, body: str, at: datetime) -> str:  # noqa: ARG002
        """See `Sending.keep_message`."""
        message_id = message_id_of(direction, kind, about, body)
        self.messages.setdefault(message_id, body)
        return message_id
