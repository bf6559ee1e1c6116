"""The start of reading is chosen once, for the existing shards; shards opened by a later reshard are read whole."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from pipelines.commands.stream import start_of
from pipelines.settings import Settings
from pipelines.streams.backlog import Backlog, begin
from pipelines.streams.iceberg import Stops
from pipelines.streams.iceberg_terms import BatchTerms, Start, StartRefused
from pipelines.streams.kinesis import KinesisStream
from pipelines.streams.shards import Position, Shard
from pipelines.streams.stream import From
from tests.pipelines.streams.scripted import ScriptedKinesis

CREATED = 5
TERMS = BatchTerms(start=Start(CREATED, 1_700_000_000_000, ("old",)))


@pytest.mark.parametrize(
    ("shard_id", "stops", "created_ms", "position"),
    [
        ("old", {}, CREATED, Position(at_ms=1_700_000_000_000)),
        ("old", {"old": "17"}, CREATED, Position(after="17")),
        ("child of a later reshard", {}, CREATED, Position()),
        ("old", {}, CREATED + 1, Position()),
    ],
)
def test_a_stop_goes_before_the_start_and_the_start_is_for_shards_of_its_day(
    shard_id: str, stops: dict[str, str], created_ms: int, position: Position
) -> None:
    assert TERMS.position(Shard(shard_id), stops, created_ms) == position


def test_from_the_trim_horizon_is_from_the_oldest_record() -> None:
    assert BatchTerms(start=Start(CREATED, 0, ("old",))).position(Shard("old"), {}, CREATED) == Position()


def test_a_start_that_could_leave_out_or_repeat_is_refused() -> None:
    no_lake: Any = None
    settings = Settings.from_environment({"TRANCHE_AWS_ENDPOINT": "", "TRANCHE_STREAM": "s"})
    backlog = Backlog(KinesisStream(ScriptedKinesis(), "s", lambda _: None), no_lake, settings)

    with pytest.raises(StartRefused, match=r"--start 2999-01-01 00:00:00\+00:00 lies in the future of the stream s"):
        begin(backlog, datetime(2999, 1, 1, tzinfo=UTC), is_repeat=False)
    with pytest.raises(StartRefused, match="a batch of s was cut off; ingest once without --start"):
        begin(backlog, From.LATEST, is_repeat=True)


def test_the_command_takes_a_word_or_a_time_with_its_offset() -> None:
    assert start_of("latest") is From.LATEST
    assert start_of("2026-01-31T06:00:00Z") == datetime(2026, 1, 31, 6, tzinfo=UTC)
    for text in ("yesterday", "2026-01-31T06:00:00"):
        with pytest.raises(typer.BadParameter, match=f"'{text}' is not trim_horizon, latest or an ISO time"):
            start_of(text)


def test_stops_of_shards_that_expired_and_of_another_stream_are_let_go() -> None:
    stops = Stops(CREATED, {"a": "1", "b": "2"})

    assert stops.of(CREATED) == {"a": "1", "b": "2"}
    assert stops.of(CREATED, frozenset({"b", "c"})) == {"b": "2"}
    assert stops.of(CREATED + 1) == {}


def test_kinesis_may_answer_elsewhere_than_the_rest(tmp_path: Path) -> None:
    both = {"TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:1", "TRANCHE_VAR": str(tmp_path)}

    assert Settings.from_environment(both).kinesis_endpoint == "http://127.0.0.1:1"
    elsewhere = Settings.from_environment({**both, "TRANCHE_KINESIS_ENDPOINT": "http://127.0.0.1:2"})
    assert (elsewhere.kinesis_endpoint, elsewhere.aws_endpoint) == ("http://127.0.0.1:2", "http://127.0.0.1:1")
