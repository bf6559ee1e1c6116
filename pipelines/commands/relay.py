"""Command line: publish the platform's own facts onto the stream."""

import time
from collections.abc import Iterator
from dataclasses import asdict

from pipelines.settings import Settings
from terminal.clock import now
from terminal.database import DatabaseProcess
from terminal.report import Report, reporting


@reporting()
def relay() -> Report:
    """Put what the platform's database says happened on the stream, at least once, in the order of each plan."""
    from ledger.outbox.postgres_outbox import relaying
    from ledger.settings import Settings as LedgerSettings
    from pipelines.ingest import relay as act
    from pipelines.streams.kinesis import KinesisStream, client

    settings = Settings.from_environment()
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    with relaying(LedgerSettings.from_environment(process=DatabaseProcess.RELAY).database_url) as logs:
        report = act.relay(logs, stream, now=now, seconds=time.monotonic, sleep=time.sleep)
    tree = asdict(report) | {"total": report.total}

    def shown() -> Iterator[str]:
        yield f"published {report.total:,} facts to {settings.stream} in {report.seconds:.1f} s"
        for event_type, count in report.published.items():
            yield f"  {event_type:<24}{count:>12,}"
        if report.left:
            yield (
                f"  not published yet       {report.left:>12,}   (the oldest known for {report.oldest_left_s:,.0f} s"
                f"{': too long, look for a transaction that does not end' if report.alert else ''})"
            )

    return Report(tree, shown())
