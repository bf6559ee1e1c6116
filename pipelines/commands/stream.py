"""Command line: how far the lake is behind the stream, and where it begins with one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

import typer

from pipelines.settings import Settings
from pipelines.streams.stream import From
from terminal.report import Report, reporting


@reporting("shard", "is_open", "is_drained", "oldest_unread_seconds", "stopped_at")
def lag() -> Report:
    """Show per shard where the lake stopped and how long the oldest event behind it has been waiting; takes nothing."""
    from pipelines.ingest import lag as act
    from pipelines.lake.iceberg import catalog
    from pipelines.streams.backlog import Backlog
    from pipelines.streams.kinesis import KinesisStream, client

    settings = Settings.from_environment()
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    report = act.lag(Backlog(stream, catalog(settings), settings))
    tree = asdict(report) | {
        "waiting": report.waiting,
        "oldest_unread_seconds": report.oldest_unread_seconds,
        "is_at_risk": report.is_at_risk,
    }

    def shown() -> Iterator[str]:
        until = "nothing" if report.taken_until is None else f"batches up to {report.taken_until:%Y-%m-%d %H:%M:%S} UTC"
        yield f"stream {report.stream}, made {report.created_at:%Y-%m-%d %H:%M:%S} UTC: the lake has {until}"
        yield f"  {'shard':<24}{'':<10}{'oldest unread':>15}   stopped at"
        for each in report.shards:
            state = "open" if each.is_open else "drained" if each.is_drained else "closed"
            age = "none" if each.oldest_unread_seconds is None else f"{each.oldest_unread_seconds:,.1f} s"
            yield f"  {each.shard:<24}{state:<10}{age:>15}   {each.stopped_at or 'not begun'}"
        yield (
            f"  {report.waiting} of {len(report.shards)} shards have unread events, the oldest for "
            f"{report.oldest_unread_seconds:,.1f} s; the stream keeps one for {report.retention_seconds / 3600:,.0f} h"
        )
        if report.is_at_risk:
            yield "  more than half of that time is over: run `tranche pipelines ingest`, or lengthen the retention"

    return Report(tree, shown(), tree["shards"])


def start_of(text: str) -> From | datetime:
    """The value of `ingest --start`."""
    if text in list(From):
        return From(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise typer.BadParameter(
            f"{text!r} is not trim_horizon, latest or an ISO time with its offset, for example 2026-01-31T06:00:00Z",
            param_hint="--start",
        )
    return at
