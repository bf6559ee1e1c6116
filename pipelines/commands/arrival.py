"""Command line: whether what was sent has arrived, and which feeds are late."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.settings import Settings
from terminal.clock import machine_now
from terminal.database import DatabaseProcess
from terminal.report import Report, reporting

OUTBOX = "outbox"


@reporting()
def completeness(
    *,
    journal: Annotated[
        str,
        typer.Option(
            help="What a producer says it sent: a file of JSON lines, the name of a published source, or outbox for "
            "the platform's own facts."
        ),
    ],
) -> Report:
    """Seek every id of a producer's journal in the lake; exit code 1 names those that are missing."""
    from pipelines.ingest import completeness as act
    from pipelines.lake.iceberg import IcebergTables

    settings = Settings.from_environment()
    with _sent(settings, journal) as sent:
        report = act.completeness(sent, IcebergTables(settings))
    tree = asdict(report) | {
        "hours": [asdict(hour) | {"hour": hour.hour.isoformat(), "rate": hour.rate} for hour in report.hours],
        "is_complete": report.is_complete,
    }

    def shown() -> Iterator[str]:
        for hour in report.hours:
            yield (
                f"{hour.hour:%Y-%m-%d %H}:00  {hour.rate:>9}   {hour.put:,} put = {hour.accepted:,} accepted "
                f"+ {hour.quarantined:,} in quarantine + {hour.missing:,} missing"
            )
        yield f"{report.under_way:,} put since the newest batch ended"
        for name, ids in (("in quarantine", report.quarantined), ("missing", report.missing)):
            if ids:
                yield f"{name}, the first of them: {' '.join(ids)}"

    return Report(tree, shown(), exit_code=0 if report.is_complete else 1)


@reporting("source", "event_type", "last_arrival", "expected_by", "is_late")
def feeds(
    *,
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"], help="The moment to look from, in UTC; now if absent."),
    ] = None,
) -> Report:
    """Show each feed's last arrival and by when it is due again; exit code 1 when any is late."""
    from pipelines.ingest import feeds as act
    from pipelines.lake.iceberg import IcebergTables

    moment = machine_now() if at is None else at.replace(tzinfo=UTC)
    found = act.feeds(IcebergTables(Settings.from_environment()), act.agreements(), moment)
    rows = [asdict(feed) for feed in found]

    def shown() -> Iterator[str]:
        for feed in found:
            due = (
                "never came often enough to say" if feed.expected_by is None else f"due by {_minute(feed.expected_by)}"
            )
            late = "   LATE" if feed.is_late else ""
            yield f"{feed.source:<16}{feed.event_type:<24}came {_minute(feed.last_arrival)}   {due}{late}"

    return Report({"at": moment, "feeds": rows}, shown(), rows, 1 if any(feed.is_late for feed in found) else 0)


@contextmanager
def _sent(settings: Settings, journal: str) -> Iterator[Iterator[Any]]:
    from pipelines.ingest.completeness import read_journal, read_outbox

    if journal != OUTBOX:
        named = settings.journal(journal)
        yield read_journal(named if named.exists() else Path(journal))
        return
    from ledger.books.postgres import connect
    from ledger.settings import Settings as LedgerSettings

    with connect(LedgerSettings.from_environment(process=DatabaseProcess.READER).database_url) as connection:
        yield read_outbox(connection)


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
