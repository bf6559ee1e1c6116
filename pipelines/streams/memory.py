"""A stream in memory, for examples and tests."""

from __future__ import annotations

from pipelines.sources.source import CanonicalEvent


class MemoryStream:
    """Keeps every event in the order in which it was put."""

    def __init__(self) -> None:
        self.events: list[CanonicalEvent] = []

    def check(self) -> None:
        """It is always there."""

    def put(self, batch: list[CanonicalEvent]) -> int:
        """Nothing ever has to be sent again."""
        self.events.extend(batch)
        return 0
