"""The stream job's loop: what a round does, what it skips, and how it handles faults."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.curation.curate import Curated, CurateReport
from pipelines.follow_stream.follow import Ages, FollowReport, Look, Round, Vectors, follow
from pipelines.ingest.ingest import IngestReport
from pipelines.ingest.verdict import Counts
from pipelines.streams.stream import StreamFault
from pipelines.vectors.refresh_features import Refreshed

START = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TYPE, TABLE = "bank_transaction.v1", "curated.bank_transactions"


@dataclass
class Script:
    """Steps that do what each round's line says; every step lasts a second and is noted.

    A line holds the event counts that arrived and the faults of the round; what a failed step did not take stays.
    """

    lines: Sequence[tuple[Counts | None, dict[str, Exception]]]
    at: datetime = START
    asked: list[list[Any]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    batches: int = 0
    _put: datetime | None = None
    _unread: Counts | None = None
    _raw: int = 0

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.at += seconds * SECOND
        return len(self.asked) >= len(self.lines)

    def look(self) -> Look:
        arrived, _ = self.lines[len(self.asked)]
        self.asked.append([])
        if arrived is not None:
            self._unread, self._put = arrived, self._put or self.at
        return Look(None if self._unread is None else self._put, self.batches)

    def ingest(self) -> IngestReport:
        self._do("ingest")
        assert self._unread is not None
        counts, self._unread, self._put = self._unread, None, None
        self._raw += counts.accepted
        self.batches += 1
        return IngestReport("events", {TYPE: counts}, 1, 1.0, self.batches - 1, self.batches)

    def curate(self, event_types: Collection[str] | None) -> CurateReport:
        self._do("curate", event_types)
        rows, self._raw = self._raw, 0
        return CurateReport((Curated(TABLE, "written" if rows else "unchanged", rows, 1, 1, written=rows),))

    def refresh(self, tables: Collection[str] | None) -> Vectors:
        self._do("refresh", tables)
        return Vectors((Refreshed("applicant", "d", self.at, 1, 1, 1, self.at - 60 * SECOND, outdated=False),))

    def _do(self, step: str, *asked: object) -> None:
        self.at += SECOND
        self.asked[-1].append((step, *asked))
        if step in self.lines[len(self.asked) - 1][1]:
            raise self.lines[len(self.asked) - 1][1][step]


def one(accepted: int = 1, duplicates: int = 0) -> Counts:
    return Counts(accepted + duplicates, accepted, 0, duplicates)


def followed(*lines: tuple[Counts | None, dict[str, Exception]]) -> tuple[Script, FollowReport, list[Round]]:
    script, told = Script(lines), list[Round]()
    report = follow(script, now=script.now, wait=script.wait, every_s=2, told=told.append)
    return script, report, told


def test_the_first_round_does_what_was_owed_and_a_round_without_news_does_nothing() -> None:
    script, report, told = followed((None, {}), (None, {}), (one(3), {}), (one(0, 2), {}))

    assert script.asked == [
        [("curate", None), ("refresh", None)],
        [],
        [("ingest",), ("curate", [TYPE]), ("refresh", [TABLE])],
        [("ingest",)],
    ]
    assert [each.is_idle for each in told] == [False, True, False, False]
    assert (report.rounds, report.idle, report.events, report.curated) == (4, 1, Counts(5, 3, 0, 2), 3)


@pytest.mark.parametrize("step", ["ingest", "curate", "refresh"])
def test_a_fault_ends_its_round_is_told_and_the_next_one_does_all_that_is_owed(step: str) -> None:
    script, report, told = followed(
        (None, {}), (one(), {step: StreamFault("no luck")}), (None, {step: StreamFault("none yet")}), (None, {})
    )

    assert script.asked[1][-1][0] == step
    assert script.asked[3][-2:] == [("curate", None), ("refresh", None)]
    assert [each.fault for each in told[:3]] == [None, "no luck", "none yet"]
    assert told[3].fault is None
    assert (report.faults, report.last_faults, report.events) == (2, ("no luck", "none yet"), one())
    assert script.waits == [2, 4, 8, 2]


def test_what_another_ingest_took_meanwhile_is_curated_and_refreshed_too() -> None:
    script = Script([(None, {}), (None, {}), (None, {}), (one(), {}), (None, {})])

    def wait(seconds: float) -> bool:
        # Before the second round's look, and between the fourth's look and its ingest.
        script.batches += len(script.asked) == 1
        return script.wait(seconds)

    def ingest() -> IngestReport:
        script.batches += 1
        return Script.ingest(script)

    script.ingest = ingest  # type: ignore[method-assign]
    follow(script, now=script.now, wait=wait)

    everything = [("curate", None), ("refresh", None)]
    assert script.asked == [everything, everything, [], [("ingest",), *everything], []]


def test_the_age_of_an_event_counts_from_its_put_also_through_rounds_that_failed() -> None:
    _, report, told = followed((None, {}), (one(), {}), (one(), {"curate": StreamFault("no")}), (None, {}))

    # Three steps of a second; then two that fail, four seconds of patience, and two more.
    assert [each.put_age_s for each in told] == [None, 3, None, 8]
    assert [each.recorded_age_s for each in told][1::2] == [60, 60]
    assert report.put_age == Ages(3, 8, 8)


def test_patience_has_an_end_and_a_fault_that_no_act_tells_ends_the_job() -> None:
    faults = [(None, {"curate": StreamFault("no")})] * 12
    script, _, _ = followed(*faults)
    assert script.waits[-3:] == [300, 300, 300]

    with pytest.raises(ZeroDivisionError):
        followed((one(), {"ingest": ZeroDivisionError()}))


def test_it_ends_at_its_time_behind_a_whole_round() -> None:
    script = Script([(one(), {})] * 9)

    report = follow(script, now=script.now, wait=script.wait, every_s=2, until=START + 9 * SECOND)

    assert report.rounds == 3
    assert script.waits == [2, 1]
    assert script.asked[-1][-1][0] == "refresh"
