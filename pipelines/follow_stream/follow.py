"""Act: round after round, what came on the stream → raw → curated → the vectors that serving reads, until told to stop.

It is a service (`tranche pipelines follow`), kept up by whatever keeps services up, and may run beside the hourly
schedule: of two ingests at a time one waits for its turn, curation begins a table anew that another writer changed, and
of two refreshes the one that saw less of the lake is left out. A kill at any moment is made good by the next start.

A round takes what a schedule's run takes, by the same acts, so the tables come out the same. One without news only asks
where stream and lake are. A fault ends its round and is told; the next round, a little later each time, does all that
is owed.
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
# So many ages and texts of faults a report remembers, however long the act runs.
AGES, FAULTS = 10_000, 20


Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Vectors:
    """What became of the vectors: by feature set, and the entities that have no active version to refresh."""

    refreshed: tuple[Refreshed, ...] = ()
    unpublished: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """When the oldest event was put that the lake has not read, if there is one, and the end of its newest batch."""

    waiting_since: datetime | None
    taken_until: int


class Steps(Protocol):
    """What a round is made of."""

    def look(self) -> Look:
        """Where the stream is and where the lake is."""

    def ingest(self) -> IngestReport:
        """Take them into the raw tables."""

    def curate(self, event_types: Collection[str] | None) -> CurateReport:
        """Take what raw gained of these event types into the curated tables; of all of them for None."""

    def refresh(self, tables: Collection[str] | None) -> Vectors:
        """Refresh the active vectors that are computed from these curated tables; all of them for None."""


@dataclass(slots=True)
class Round:
    """What one round did, as far as it came, and the seconds of each step.

    `put_age_s` is how long the oldest of its events took from its put until its vector could be read, `recorded_age_s`
    how long ago the newest event behind the vectors was recorded then; None when no vector changed.
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
        """Nothing came and nothing went wrong."""
        return not (self.counts.read or self.curated or self.touched or self.fault)

    @contextmanager
    def timed(self, step: str, clock: Clock) -> Iterator[None]:
        """Note how long a step took, also when it failed."""
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
    """All rounds together. `last_faults` are the newest ones' texts; `unpublished` the entities still without vectors.

    `put_age` and `recorded_age` are over the rounds that changed a vector, the newest 10,000 of them.
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
    """Do a round, wait `every_s`, and so on, until `until` or until `wait` returns True: it was told to stop.

    `told` hears of each round. After faults in a row the wait doubles, up to five minutes. Only a `Fault` of an
    act is lived with; any other exception ends this act as it would end theirs.
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
    """The rounds' common memory: up to which batch all is done, and since when the oldest event of a failed one waits.

    Batches behind `done_until` that were not ours, and whatever a fault or an earlier run left, are not told by our own
    ingest: such a round looks at every table.
    """

    steps: Steps
    now: Clock
    done_until: int | None = None
    waiting_since: datetime | None = None

    def round(self) -> Round:
        """One round; its fault is part of it."""
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
        """Up to where raw has the stream now, and the event types that it gained; None when others took some."""
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
    """The sum of the rounds so far, in memory that does not grow with them."""

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
