"""Command line: how far the lake is behind the stream, and where it begins with one."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from pipelines.settings import Settings
from pipelines.streams.stream import From

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the report.")]


def lag(*, as_json: AsJson = False) -> None:
    """Show per shard where the lake stopped and how long the oldest event behind it has been waiting; takes nothing."""
    from pipelines.ingest import lag as act
    from pipelines.lake.iceberg import catalog
    from pipelines.streams.backlog import Backlog
    from pipelines.streams.kinesis import KinesisStream, client

    settings = Settings.from_environment()
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    report = act.lag(Backlog(stream, catalog(settings), settings))
    if as_json:
        _print_json(report)
        return
    until = "nothing" if report.taken_until is None else f"batches up to {report.taken_until:%Y-%m-%d %H:%M:%S} UTC"
    typer.echo(f"stream {report.stream}, made {report.created_at:%Y-%m-%d %H:%M:%S} UTC: the lake has {until}")
    typer.echo(f"  {'shard':<24}{'':<10}{'oldest unread':>15}   stopped at")
    for each in report.shards:
        state = "open" if each.is_open else "drained" if each.is_drained else "closed"
        age = "none" if each.oldest_unread_seconds is None else f"{each.oldest_unread_seconds:,.1f} s"
        typer.echo(f"  {each.shard:<24}{state:<10}{age:>15}   {each.stopped_at or 'not begun'}")
    typer.echo(
        f"  {report.waiting} of {len(report.shards)} shards have unread events, the oldest for "
        f"{report.oldest_unread_seconds:,.1f} s; the stream keeps one for {report.retention_seconds / 3600:,.0f} h"
    )
    if report.is_at_risk:
        typer.echo("  more than half of that time is over: run `tranche pipelines ingest`, or lengthen the retention")


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


def _print_json(report: Any) -> None:
    total = {"waiting": report.waiting, "oldest_unread_seconds": report.oldest_unread_seconds}
    both = asdict(report) | total | {"is_at_risk": report.is_at_risk}
    typer.echo(json.dumps(both, allow_nan=False, default=lambda time: time.isoformat()))
