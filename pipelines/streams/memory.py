"""A stream in memory, for examples and tests."""

from __future__ import annotations

from pipelines.sources.source import CanonicalEvent


class MemoryStream:
    """Keeps every event in the order in which it was put."""

    def __init__(self) -> None:
        self.events: list[CanonicalEvent] = []

    def check(self) -> None:
        """Does nothing: a stream in memory is always available."""

    def put(self, batch: list[CanonicalEvent]) -> int:
        """Keep the batch; never needs to send anything again."""
        self.events.extend(batch)
        return 0
