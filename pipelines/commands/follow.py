"""Command line: follow the stream into the lake and the vectors, as a service."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.settings import Settings
from terminal.clock import machine_now, now
from terminal.report import Report, reporting

if TYPE_CHECKING:
    from pipelines.follow_stream.follow import Round

# Between rounds another ingest may have the turn; a round rather tells so than waits for long.
_TURN_S = 10.0


@reporting()
def follow(
    *,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0, help="Stop after so many seconds; 0 is one round. Without, never.")
    ] = None,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between the end of a round and the next one.")] = 2.0,
) -> Report:
    """Take what comes on the stream into raw and curated tables and the active vectors, until SIGINT or SIGTERM."""
    from features.postgres import vector_store
    from features.settings import Settings as StoreSettings
    from pipelines.follow_stream import follow as act
    from pipelines.follow_stream.follow_steps import LakeSteps
    from pipelines.lake.iceberg import IcebergTables, catalog
    from pipelines.lake.iceberg_changes import IcebergChanges
    from pipelines.runtime.spark import session
    from pipelines.streams.backlog import Backlog
    from pipelines.streams.kinesis import KinesisStream, client
    from pipelines.streams.postgres_turn import ingesting

    settings, database_url = Settings.from_environment(), StoreSettings.from_environment().database_url
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    steps = LakeSteps(
        spark=session(settings),
        settings=settings,
        backlog=Backlog(stream, catalog(settings), settings),
        tables=IcebergTables(settings),
        changes=IcebergChanges(settings),
        store=partial(vector_store, database_url),
        turn=partial(ingesting, database_url, settings, patience_s=_TURN_S),
        now=machine_now,
        as_of=now,
        sleep=time.sleep,
    )
    until = None if seconds is None else machine_now() + timedelta(seconds=seconds)
    with _stop_told() as stop:
        report = act.follow(steps, now=machine_now, wait=stop.wait, every_s=every, until=until, told=_tell)

    def shown() -> Iterator[str]:
        yield (
            f"{report.rounds:,} rounds, {report.idle:,} of them without news: {report.events.read:,} events read, "
            f"{report.events.accepted:,} accepted, {report.curated:,} curated rows, {report.refreshed:,} vectors "
            f"refreshed, {report.faults:,} faults"
        )
        for name, ages in (("put", report.put_age), ("recorded", report.recorded_age)):
            if ages.p50_s is not None:
                yield (
                    f"  {name + ' until readable':<24}p50 {ages.p50_s:,.1f} s, p95 {ages.p95_s:,.1f} s, "
                    f"longest {ages.max_s:,.1f} s"
                )

    return Report(report, shown())


def _tell(done: Round) -> None:
    """One line for each round that did something, on stderr."""
    if done.is_idle:
        return
    spent = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in done.seconds.items())
    line = (
        f"{machine_now():%H:%M:%S} {done.counts.read:,} events, {done.curated:,} curated rows, "
        f"{done.refreshed:,} vectors refreshed ({spent})"
    )
    if done.unpublished:
        line += f"; no vectors of {', '.join(done.unpublished)} to refresh: run `tranche pipelines publish-features`"
    typer.echo(line, err=True)
    if done.fault is not None:
        typer.echo(f"  fault, tried again later: {done.fault}", err=True)


@contextmanager
def _stop_told() -> Iterator[threading.Event]:
    """Set by SIGINT and SIGTERM; the round that is going on ends first. Spark's own handler is put back after."""
    stop = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
