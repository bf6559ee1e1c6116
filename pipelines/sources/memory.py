"""Refused rows in memory, for examples and tests."""

from __future__ import annotations

from pipelines.sources.source import Reject


class MemoryRejects:
    """Keeps each refused row once."""

    def __init__(self) -> None:
        self.kept: dict[str, Reject] = {}

    def add(self, rejects: tuple[Reject, ...]) -> int:
        """See `publish.Refused`."""
        before = len(self.kept)
        for reject in rejects:
            self.kept.setdefault(reject.reject_id, reject)
        return len(self.kept) - before
