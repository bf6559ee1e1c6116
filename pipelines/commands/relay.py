"""Command line: publish the platform's own facts onto the stream."""

import json
import time
from dataclasses import asdict
from typing import Annotated

import typer

from pipelines.settings import Settings
from terminal.clock import now

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the report.")]


def relay(*, as_json: AsJson = False) -> None:
    """Put what the platform's database says happened on the stream, at least once, in the order of each plan."""
    from ledger.outbox.postgres_outbox import relaying
    from ledger.settings import Settings as LedgerSettings
    from pipelines.ingest import relay as act
    from pipelines.streams.kinesis import KinesisStream, client

    settings = Settings.from_environment()
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    with relaying(LedgerSettings.from_environment().database_url) as logs:
        report = act.relay(logs, stream, now=now, seconds=time.monotonic, sleep=time.sleep)
    if as_json:
        typer.echo(json.dumps(asdict(report) | {"total": report.total}, allow_nan=False))
        return
    typer.echo(f"published {report.total:,} facts to {settings.stream} in {report.seconds:.1f} s")
    for event_type, count in report.published.items():
        typer.echo(f"  {event_type:<24}{count:>12,}")
    if report.left:
        typer.echo(
            f"  not published yet       {report.left:>12,}   (the oldest known for {report.oldest_left_s:,.0f} s"
            f"{': too long, look for a transaction that does not end' if report.alert else ''})"
        )
