"""Act: follow the stream in rounds, each from new events through raw and curated tables to served vectors.

It is a long-running service (`tranche pipelines follow`), to be kept alive by a supervisor, and may run beside the
hourly schedule: of two concurrent ingests one waits for its turn, curation restarts a table that another writer has
changed, and of two refreshes the one based on older data is dropped. After a kill, the next start completes the work.

A round uses the same acts as a scheduled run, so the tables are the same. A round without new events only checks the
positions of stream and lake. A fault ends its round and is reported; the next round, after an increasing delay, does
all outstanding work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Protocol

from pipelines.curation.curate import CurateReport
from pipelines.ingest.ingest import IngestReport
from pipelines.ingest.verdict import Counts
from pipelines.vectors.refresh_features import Refreshed
from terminal.fault import Fault

EVERY_S = 2.0
PATIENCE_S = 300.0
# A report keeps at most this many ages and texts of faults, however long the act runs.
AGES, FAULTS = 10_000, 20


Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Vectors:
    """The result of a refresh of vectors: by feature set, and the entities without an active version to refresh."""

    refreshed: tuple[Refreshed, ...] = ()
    unpublished: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """When the oldest unread event was put on the stream, if there is one, and the end of the lake's newest batch."""

    waiting_since: datetime | None
    taken_until: int


class Steps(Protocol):
    """The steps of a round."""

    def look(self) -> Look:
        """Compare the positions of the stream and the lake."""

    def ingest(self) -> IngestReport:
        """Take new events into the raw tables."""

    def curate(self, event_types: Collection[str] | None) -> CurateReport:
        """Take new raw rows of these event types into the curated tables; of all event types for None."""

    def refresh(self, tables: Collection[str] | None) -> Vectors:
        """Refresh the active vectors that are computed from these curated tables; all of them for None."""


@dataclass(slots=True)
class Round:
    """The results of one round, as far as it got, and the seconds of each step.

    `put_age_s`: the time from putting its oldest event on the stream until the vector could be read. `recorded_age_s`:
    the age of the newest event behind the vectors at that moment. Both are None if no vector changed.
    """

    counts: Counts = field(default_factory=Counts)
    curated: int = 0
    touched: int = 0
    refreshed: int = 0
    unpublished: tuple[str, ...] = ()
    put_age_s: float | None = None
    recorded_age_s: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    fault: str | None = None

    @property
    def is_idle(self) -> bool:
        """Whether the round found no new events and had no fault."""
        return not (self.counts.read or self.curated or self.touched or self.fault)

    @contextmanager
    def timed(self, step: str, clock: Clock) -> Iterator[None]:
        """Record how long a step took, also if it failed."""
        began = clock()
        try:
            yield
        finally:
            self.seconds[step] = (clock() - began).total_seconds()


@dataclass(frozen=True, slots=True)
class Ages:
    """How old events were when their vectors could be read; None before the first one."""

    p50_s: float | None
    p95_s: float | None
    max_s: float | None

    @classmethod
    def of(cls, ages: Collection[float]) -> Ages:
        ranked = sorted(ages)
        if not ranked:
            return cls(None, None, None)
        return cls(ranked[ceil(0.5 * len(ranked)) - 1], ranked[ceil(0.95 * len(ranked)) - 1], ranked[-1])


@dataclass(frozen=True, slots=True)
class FollowReport:
    """Totals of all rounds. `last_faults`: the texts of the newest faults; `unpublished`: entities without vectors.

    `put_age` and `recorded_age` cover the newest 10,000 rounds that changed a vector.
    """

    rounds: int
    idle: int
    events: Counts
    curated: int
    touched: int
    refreshed: int
    faults: int
    last_faults: tuple[str, ...]
    unpublished: tuple[str, ...]
    put_age: Ages
    recorded_age: Ages
    seconds: Mapping[str, float]


def follow(
    steps: Steps,
    *,
    now: Clock,
    wait: Callable[[float], bool],
    every_s: float = EVERY_S,
    until: datetime | None = None,
    told: Callable[[Round], None] = lambda _: None,
) -> FollowReport:
    """Repeat a round and a wait of `every_s` seconds, until the time `until` or until `wait` returns True (stopped).

    `told` is called with each round. Consecutive faults double the wait, up to five minutes. Only a `Fault` raised by a
    step is handled that way; any other exception ends this act.
    """
    tally, work = _Tally(), _Work(steps, now)
    failed_in_a_row = 0
    while True:
        done = work.round()
        failed_in_a_row = 0 if done.fault is None else failed_in_a_row + 1
        tally.add(done)
        told(done)
        pause = min(every_s * 2**failed_in_a_row, max(every_s, PATIENCE_S))
        left = pause if until is None else (until - now()).total_seconds()
        if left <= 0 or wait(min(pause, left)):
            return tally.report()


@dataclass(slots=True)
class _Work:
    """State kept between rounds: up to which batch everything is done, and the oldest event of a failed round.

    Our own ingest does not report batches of other ingests after `done_until`, or work left by a fault or an earlier
    run. A round that may have such work checks every table.
    """

    steps: Steps
    now: Clock
    done_until: int | None = None
    waiting_since: datetime | None = None

    def round(self) -> Round:
        """Do one round; a fault is recorded in the result."""
        done = Round()
        try:
            with done.timed("look", self.now):
                look = self.steps.look()
            both = [each for each in (self.waiting_since, look.waiting_since) if each is not None]
            self.waiting_since = min(both, default=None)
            expected, self.done_until = self.done_until, None
            until = look.taken_until
            gained: Collection[str] | None = () if until == expected else None
            if look.waiting_since is not None:
                until, gained = self._ingested(done, expected)
            if gained is None or gained:
                self._curated_and_refreshed(done, gained)
            self.done_until, self.waiting_since = until, None
        except Fault as fault:
            done.fault = fault.user_message
        return done

    def _ingested(self, done: Round, expected: int | None) -> tuple[int, Collection[str] | None]:
        """The end of raw's newest batch, and the event types that gained rows; None if another ingest took some."""
        with done.timed("ingest", self.now):
            report = self.steps.ingest()
        done.counts = report.total
        gained = [event_type for event_type, counts in report.event_types.items() if counts.accepted]
        return report.until, gained if report.since == expected else None

    def _curated_and_refreshed(self, done: Round, event_types: Collection[str] | None) -> None:
        with done.timed("curate", self.now):
            report = self.steps.curate(event_types)
        written = [each.table for each in report.tables if each.outcome == "written"]
        done.curated = sum(each.written for each in report.tables)
        if not written and event_types is not None:
            return
        with done.timed("refresh", self.now):
            vectors = self.steps.refresh(None if event_types is None else written)
        readable_at = self.now()
        done.unpublished = vectors.unpublished
        done.touched = sum(each.touched for each in vectors.refreshed)
        done.refreshed = sum(each.changed for each in vectors.refreshed)
        if done.refreshed and self.waiting_since is not None:
            done.put_age_s = (readable_at - self.waiting_since).total_seconds()
            known = [each.known_until for each in vectors.refreshed if each.changed and each.known_until is not None]
            done.recorded_age_s = (readable_at - max(known)).total_seconds() if known else None


@dataclass(slots=True)
class _Tally:
    """The totals of the rounds so far, in bounded memory."""

    rounds: int = 0
    idle: int = 0
    events: Counts = field(default_factory=Counts)
    curated: int = 0
    touched: int = 0
    refreshed: int = 0
    faults: int = 0
    unpublished: tuple[str, ...] = ()
    last_faults: deque[str] = field(default_factory=lambda: deque(maxlen=FAULTS))
    put_ages: deque[float] = field(default_factory=lambda: deque(maxlen=AGES))
    recorded_ages: deque[float] = field(default_factory=lambda: deque(maxlen=AGES))
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, done: Round) -> None:
        self.rounds += 1
        self.idle += done.is_idle
        self.events += done.counts
        self.curated += done.curated
        self.touched += done.touched
        self.refreshed += done.refreshed
        if "refresh" in done.seconds:
            self.unpublished = done.unpublished
        if done.fault is not None:
            self.faults += 1
            self.last_faults.append(done.fault)
        for ages, age in ((self.put_ages, done.put_age_s), (self.recorded_ages, done.recorded_age_s)):
            if age is not None:
                ages.append(age)
        for step, seconds in done.seconds.items():
            self.seconds[step] = self.seconds.get(step, 0.0) + seconds

    def report(self) -> FollowReport:
        return FollowReport(
            rounds=self.rounds,
            idle=self.idle,
            events=self.events,
            curated=self.curated,
            touched=self.touched,
            refreshed=self.refreshed,
            faults=self.faults,
            last_faults=tuple(self.last_faults),
            unpublished=self.unpublished,
            put_age=Ages.of(self.put_ages),
            recorded_age=Ages.of(self.recorded_ages),
            seconds=dict(self.seconds),
        )
