"""A backlog is read in batches of limited size, until all records that existed at the beginning are read."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from pipelines.lake.iceberg import catalog
from pipelines.settings import Settings
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.backlog import Backlog
from pipelines.streams.iceberg import BATCHES
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.stream import batches
from tests.pipelines.streams.without_spark import create_batches, take_a_batch
from tests.waiting import until

BOUND = 2_000


@pytest.mark.slow
def test_a_large_backlog_is_cut_into_batches_that_fit_while_events_keep_coming(
    lake_environment: Mapping[str, str],
) -> None:
    settings = Settings.from_environment({**lake_environment, "TRANCHE_STREAM_BATCH_RECORDS": str(BOUND)})
    create_batches(settings)
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    there = [CanonicalEvent(f"e{number}", "t", f"a{number % 211}", b'{"n":%d}' % number) for number in range(9_000)]
    for batch in batches(there):
        stream.put(batch)
    target = stream.clock_ms() + 1_000
    until(lambda: stream.clock_ms() >= target)
    taken: list[list[str]] = []
    ends: list[int] = []

    def run() -> None:
        stream.put([CanonicalEvent("later", "t", f"a{len(taken)}", b'{"later":%d}' % len(taken))])
        rows = take_a_batch(settings, stream)
        taken.append([row["payload"] for row in rows])
        ends.extend({row["until"] for row in rows})

    backlog = Backlog(stream, catalog(settings), settings)
    backlog.take(target, [BATCHES], run, time.sleep)

    everything = [payload for batch in taken for payload in batch]
    assert sorted(set(everything) & {event.body.decode() for event in there}) == sorted(
        event.body.decode() for event in there
    )
    assert len(everything) == len(set(everything))
    assert 5 <= len(taken) <= 8
    assert max(map(len, taken)) <= BOUND
    assert ends == sorted(set(ends))
    oldest = backlog.oldest_ms()
    assert oldest is not None
    assert oldest >= target


def test_where_nothing_is_left_no_batch_is_begun(lake_environment: Mapping[str, str]) -> None:
    settings = Settings.from_environment(lake_environment)
    create_batches(settings)
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    backlog = Backlog(stream, catalog(settings), settings)
    stream.put([CanonicalEvent("one", "t", "a", b"{}")])
    taken: list[int] = []

    def run() -> None:
        taken.append(len(take_a_batch(settings, stream)))

    for _ in range(2):
        backlog.take(stream.clock_ms() + 1_000, [BATCHES], run, time.sleep)

    assert len(taken) == 1
    assert taken[0] >= 1
