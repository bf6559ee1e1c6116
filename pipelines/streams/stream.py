"""The port to a stream for publishing, and how events are cut into batches for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Protocol

from pipelines.sources.source import MAX_EVENT_BYTES, CanonicalEvent
from terminal.fault import Fault

MAX_BATCH_EVENTS = 500
MAX_BATCH_BYTES = 5 * 1024 * 1024


class From(StrEnum):
    """Where reading may begin, other than at a time."""

    TRIM_HORIZON = "trim_horizon"
    LATEST = "latest"


class StreamFault(Fault):
    """Raised if the stream cannot be used; the message names it and its setting."""


class EventTooLarge(Fault):
    """Raised if an event is larger than the stream allows, before anything of its batch is sent."""

    def __init__(self, event: CanonicalEvent) -> None:
        super().__init__(f"event {event.event_id[:128]} has {event.size} bytes, the stream takes {MAX_EVENT_BYTES}")
        self.event = event


class Stream(Protocol):
    """Takes events, each at least once. Events of one account keep their order unless some have to be sent again.

    A producer that needs that order always puts one event of an account at a time, as the relay does. The lake does not
    need it, because it orders by the producer's own sequence.
    """

    def check(self) -> None:
        """Raise StreamFault if the stream is missing or takes no records."""
        ...

    def put(self, batch: list[CanonicalEvent]) -> int:
        """Send a batch made by `batches`; returns how many entries were sent again. Raises StreamFault on giving up."""
        ...


def batches(events: Iterable[CanonicalEvent]) -> Iterator[list[CanonicalEvent]]:
    """Cut events into batches for one call each: at most 500 events and 5 MiB.

    >>> [len(batch) for batch in batches(CanonicalEvent(str(n), "t", "a", b"{}") for n in range(1001))]
    [500, 500, 1]
    """
    batch: list[CanonicalEvent] = []
    size = 0
    for event in events:
        if event.size > MAX_EVENT_BYTES:
            raise EventTooLarge(event)
        if batch and (len(batch) == MAX_BATCH_EVENTS or size + event.size > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += event.size
    if batch:
        yield batch
