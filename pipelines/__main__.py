"""Command line: publish a source onto the stream, take the stream into the lake, and what is made of it there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import typer

from pipelines.commands import (
    arrival,
    curate,
    features,
    follow,
    maintenance,
    quarantine,
    relay,
    vector,
)
from pipelines.commands import (
    stream as stream_commands,
)
from pipelines.settings import Settings
from terminal.command_line import run, stage
from terminal.report import Report, reporting

app = stage("Stream to lake to features.")
vector.register(app)


Out = Annotated[Path, typer.Option(help="The file to write; it appears whole or not at all.")]


class SourceName(StrEnum):
    """The sources that can be published."""

    BERKA = "berka"
    CANONICAL = "canonical"
    ONLINE_RETAIL = "online_retail"


@app.command("publish")
@reporting()
def publish(
    *,
    source: Annotated[
        SourceName,
        typer.Option(help="Berka tables, days of Online Retail, or canonical events."),
    ],
    data: Annotated[Path, typer.Option(help="The folder; for berka and online_retail also a folder above it.")],
) -> Report:
    """Put a source's events on the stream in time order; rows that cannot become one go to raw.source_rejects."""
    from pipelines.ingest import publish as act
    from pipelines.ingest.completeness import FileJournal
    from pipelines.sources.iceberg import IcebergRejects
    from pipelines.streams.kinesis import KinesisStream, client

    settings = Settings.from_environment()
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    refused = IcebergRejects(settings, _now)
    with _Bar("publish") as bar:
        report = act.publish(
            _source(source, data),
            stream,
            refused,
            journal=FileJournal(settings.journal(source), _now),
            seconds=time.monotonic,
            progress=bar.show,
        )
    tree = asdict(report) | {"total": report.total}

    def shown() -> Iterator[str]:
        yield f"published {report.total:,} events to {settings.stream} in {report.seconds:.1f} s"
        for event_type, count in report.published.items():
            yield f"  {event_type:<24}{count:>12,}"
        yield (
            f"  refused at source       {report.refused_at_source:>12,}   ({report.newly_refused:,} new in the lake)"
        )
        yield f"  sent again              {report.sent_again:>12,}"

    return Report(tree, shown())


@app.command("ingest")
@reporting()
def ingest(
    *,
    start: Annotated[
        str | None,
        typer.Option(
            help="Where to begin with a stream that the lake has nothing of: trim_horizon, latest or an ISO time with "
            "its offset. Refused once the lake has begun with it; not given, the oldest event is the first."
        ),
    ] = None,
    accept_rejects: Annotated[
        list[str] | None,
        typer.Option(
            help="An event type, or unknown, that may go over its limit of rejects this time; noted in the lake."
        ),
    ] = None,
) -> Report:
    """Take what is on the stream into the raw tables, each event once; broken and repeated ones are set beside."""
    from rich.console import Console

    from features.settings import Settings as StoreSettings
    from pipelines.ingest import ingest as act
    from pipelines.runtime.spark import session
    from pipelines.streams.postgres_turn import ingesting

    settings = Settings.from_environment()
    begin = None if start is None else stream_commands.start_of(start)
    with Console(stderr=True).status("starting Spark") as status:
        spark = session(settings)
        status.update("waiting for the turn to ingest")
        with ingesting(StoreSettings.from_environment().database_url, settings) as still_mine:
            status.update(f"reading {settings.stream}")

            def after_commit(step: str) -> None:
                status.update(f"{step} done")
                still_mine(step)

            report = act.ingest(
                spark,
                settings,
                now=_now,
                sleep=time.sleep,
                after_commit=after_commit,
                start=begin,
                accept_rejects=frozenset(accept_rejects or ()),
            )
    total = asdict(report.total)
    tree = asdict(report) | total

    def shown() -> Iterator[str]:
        batches = "1 batch" if report.batches == 1 else f"{report.batches} batches"
        yield f"took {report.total.read:,} events from {report.stream} in {batches}, {report.seconds:.1f} s"
        yield f"  {'':<24}{'read':>12}{'accepted':>12}{'quarantined':>12}{'duplicates':>12}"
        for event_type, of in report.event_types.items():
            yield f"  {event_type:<24}{of.read:>12,}{of.accepted:>12,}{of.quarantined:>12,}{of.duplicates:>12,}"

    return Report(tree, shown())


app.command("curate")(curate.curate)
app.command("backfill")(curate.backfill)


app.command("build-features")(features.build_features)


@app.command("export-loans")
@reporting()
def export_loans(*, out: Out) -> Report:
    """Write the granted loans of the curated lake as a contract's file."""
    from pipelines.curation import export_loans as act
    from pipelines.lake.iceberg import IcebergTables

    report = act.export_loans(IcebergTables(Settings.from_environment()), out)
    tree = asdict(report) | {"path": str(report.path)}

    def shown() -> Iterator[str]:
        yield f"{report.loans:,} loans, {report.total_minor:,} minor units lent, in {report.path}"

    return Report(tree, shown())


@app.command("export-statement")
@reporting()
def export_statement(*, out: Out) -> Report:
    """Write the repayments on accounts with a granted loan as a contract's file."""
    from pipelines.curation import export_statement as act
    from pipelines.lake.iceberg import IcebergTables

    report = act.export_statement(IcebergTables(Settings.from_environment()), out)
    tree = asdict(report) | {"path": str(report.path)}

    def shown() -> Iterator[str]:
        yield (
            f"{report.lines:,} repayments on {report.accounts:,} accounts, {report.total_minor:,} minor units, in "
            f"{report.path} ({report.on_other_accounts:,} on accounts without a granted loan stayed out)"
        )

    return Report(tree, shown())


app.command("relay")(relay.relay)
app.command("lag")(stream_commands.lag)
app.command("follow")(follow.follow)
app.command("redrive")(quarantine.redrive)
app.command("completeness")(arrival.completeness)
app.command("feeds")(arrival.feeds)
for command in maintenance.COMMANDS:
    app.command(command.__name__)(command)


def _source(name: SourceName, data: Path) -> Any:
    if name is SourceName.CANONICAL:
        from pipelines.sources.canonical import Canonical

        return Canonical(data)
    if name is SourceName.ONLINE_RETAIL:
        from pipelines.sources.online_retail import OnlineRetail, by_day

        return OnlineRetail(by_day(data))
    from pipelines.sources.berka import Berka

    above = data / "berka"
    return Berka(above if above.is_dir() and not any(data.glob("*.asc*")) else data)


def _now() -> datetime:
    return datetime.now(UTC)


class _Bar:
    """A progress bar on stderr with count, rate and time left; it appears with the first figure."""

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task(title, total=None, rate="reading")
        self._began = time.monotonic()

    def show(self, done: int, of: int) -> None:
        """Tell how far it is."""
        if done == 0:
            self._began = time.monotonic()
        rate = done / max(time.monotonic() - self._began, 0.001)
        self._progress.update(self._task, completed=done, total=of, rate=f"{rate:,.0f}/s")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


if __name__ == "__main__":
    raise SystemExit(run(app, "tranche pipelines"))
