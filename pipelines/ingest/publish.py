"""Act: a source's events → the stream, in time order; what cannot be an event → `raw.source_rejects`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipelines.sources.source import CanonicalEvent, Reject, Source
from pipelines.streams.stream import Stream, batches


class RejectStore(Protocol):
    """Keeps the rows that a source refused, each once however often it is written."""

    def add(self, rejects: tuple[Reject, ...]) -> int:
        """Keep them; how many were not known before."""
        ...


class SentEvents(Protocol):
    """The producer's own record of what it sends, against which the lake is found complete or not."""

    def add(self, events: Sequence[CanonicalEvent]) -> None:
        """Note events that are about to be put."""
        ...


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What was put on the stream, by event type, and what the source refused."""

    source: str
    published: Mapping[str, int]
    refused_at_source: int
    newly_refused: int
    sent_again: int
    seconds: float

    @property
    def total(self) -> int:
        """All events that were put."""
        return sum(self.published.values())


def publish(
    source: Source,
    stream: Stream,
    refused: RejectStore,
    *,
    journal: SentEvents | None = None,
    seconds: Callable[[], float],
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> PublishReport:
    """Put all events of the source on the stream.

    A fault of the source or an absent stream stops before the first put. Events are noted in the journal before they
    are put. `seconds` is a running clock, `progress` is
    told how many events of how many are on the stream.
    """
    began = seconds()
    stream.check()
    reading = source.read()
    newly_refused = refused.add(reading.rejects)
    published: Counter[str] = Counter()
    sent_again = done = 0
    progress(0, reading.count)
    for batch in batches(reading.events):
        if journal is not None:
            journal.add(batch)
        sent_again += stream.put(batch)
        published.update(event.event_type for event in batch)
        done += len(batch)
        progress(done, reading.count)
    return PublishReport(
        source.name, dict(sorted(published.items())), len(reading.rejects), newly_refused, sent_again, seconds() - began
    )
