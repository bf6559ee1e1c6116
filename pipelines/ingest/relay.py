"""Act: the platform's own facts → the stream, at least once each, those of one key in the order they were written.

Two logs are followed: the outbox, and the journal of the books, from which entries are told without a second row for
each. Of both, everything that was committed when the act began is published. A position is drawn before its
transaction ends; so that none is passed over, a log is published only up to a position below which nothing can appear
any more. A relay that is killed between the stream and its mark publishes a page again, under the same ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.outbox.fact_log import FactLogs, Written
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.stream import Stream, batches

PAGE = 5_000
PATIENCE_S = 10.0
ALERT_AFTER_S = 300.0
_GLANCE_S = 0.02


@dataclass(frozen=True, slots=True)
class RelayReport:
    """What was put on the stream by event type, and what had to stay: how many facts, and how old the oldest is.

    `alert`: the oldest is older than facts should ever get; the time it counts from is when it became known.
    """

    published: Mapping[str, int]
    sent_again: int
    left: int
    oldest_left_s: float
    alert: bool
    seconds: float

    @property
    def total(self) -> int:
        """All facts that were put."""
        return sum(self.published.values())


def relay(
    logs: FactLogs,
    stream: Stream,
    *,
    now: Callable[[], datetime],
    seconds: Callable[[], float],
    sleep: Callable[[float], None],
    patience_s: float = PATIENCE_S,
    page: int = PAGE,
    progress: Callable[[int], None] = lambda _done: None,
) -> RelayReport:
    """Publish all that is committed now; raises StreamFault when the stream cannot be used.

    What somebody is writing just now is waited for, at most `patience_s` in all; what is behind a longer transaction
    is left to the next run, and said.
    """
    began = seconds()
    stream.check()
    published: Counter[str] = Counter()
    sent_again = 0
    horizons = {log: logs.horizon(log) for log in logs.names}
    for log, horizon in horizons.items():
        seen = logs.progress(log).seen
        while not logs.reached(horizon) and seconds() - began < patience_s:
            sleep(_GLANCE_S)
        through = horizon.position
        if not logs.reached(horizon):
            through = seen.position if logs.reached(seen) else 0
        if logs.reached(seen) or logs.reached(horizon):
            logs.remember(log, horizon)
        for facts in _pages(logs, log, through, page):
            for batch in put_in_order(facts):
                sent_again += stream.put(batch)
            published.update(fact.event_type for fact in facts)
            progress(published.total())
    left, since = _left(logs)
    oldest = 0.0 if since is None else max(0.0, (now() - since).total_seconds())
    return RelayReport(
        dict(sorted(published.items())), sent_again, left, oldest, oldest > ALERT_AFTER_S, seconds() - began
    )


def _pages(logs: FactLogs, log: str, through: int, limit: int) -> Iterator[Sequence[Written]]:
    """Pages of a log up to a position; each is marked as published when the caller comes back for the next."""
    after = logs.progress(log).position
    while after < through:
        facts = logs.read(log, after=after, through=through, limit=limit)
        upto = facts[-1].position if len(facts) == limit else through
        if facts:
            yield facts
        logs.mark(log, after=after, position=upto)
        after = upto


def put_in_order(facts: Iterable[Written]) -> Iterator[list[CanonicalEvent]]:
    """Batches for the stream in which a key comes once: what of a batch fails is sent again, behind the rest of it.

    First goes the first fact of every key, then the second of every key that has one, and so on.

    >>> facts = [Written(n, f"{key}{n}", "t", key, b"") for n, key in enumerate("aabac")]
    >>> [[event.event_id for event in batch] for batch in put_in_order(facts)]
    [['a0', 'b2', 'c4'], ['a1'], ['a3']]
    """
    waves: list[list[CanonicalEvent]] = []
    told: Counter[str] = Counter()
    for fact in facts:
        if told[fact.key] == len(waves):
            waves.append([])
        waves[told[fact.key]].append(CanonicalEvent(fact.event_id, fact.event_type, fact.key, fact.body))
        told[fact.key] += 1
    for wave in waves:
        yield from batches(wave)


def _left(logs: FactLogs) -> tuple[int, datetime | None]:
    found = [logs.left(log) for log in logs.names]
    return sum(count for count, _ in found), min((since for _, since in found if since is not None), default=None)
