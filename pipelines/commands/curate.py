"""Command line: make the curated tables from the raw ones, and rebuild a day of them."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pipelines.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the report.")]


def curate(
    *,
    whole: Annotated[bool, typer.Option("--whole", help="Make each table anew from all raw rows.")] = False,
    fresh_at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Tables must be fresh at this time (UTC)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take what the raw tables gained into the curated ones; one whose gate is red stays as it was and ends the act."""
    from rich.console import Console

    from pipelines.curation import curate as act
    from pipelines.lake.iceberg import IcebergTables
    from pipelines.runtime.spark import session

    settings = Settings.from_environment()
    with Console(stderr=True).status("starting Spark") as status:
        report = act.curate(
            session(settings),
            IcebergTables(settings),
            settings,
            whole=whole,
            fresh_at=None if fresh_at is None else fresh_at.replace(tzinfo=UTC),
            progress=status.update,
        )
    if as_json:
        _print_json(asdict(report))
        return
    for table in report.tables:
        typer.echo(f"{table.table:<32}{table.rows:>12,} rows   {table.outcome:<10}{table.written:>12,} written")


def backfill(
    *,
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The event day (UTC) that is rebuilt from raw.")],
    table: Annotated[
        list[str] | None, typer.Option(help="A curated table such as curated.accounts; all of them without.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild one event day of the curated tables from raw; a day that is right already is left alone."""
    from rich.console import Console

    from pipelines.curation import backfill as act
    from pipelines.lake.iceberg import IcebergTables
    from pipelines.runtime.spark import session

    settings = Settings.from_environment()
    contracts = [act.of_table(name) for name in table] if table else None
    with Console(stderr=True).status("starting Spark") as status:
        spark = session(settings)
        status.update(f"rebuilding {day:%Y-%m-%d}")
        report = act.backfill(spark, IcebergTables(settings), settings, day.date(), contracts=contracts)
    if as_json:
        _print_json(asdict(report) | {"day": report.day.isoformat()})
        return
    for each in report.tables:
        typer.echo(f"{each.table:<32}{each.rows_before:>12,} rows before {each.rows:>12,} now   {each.outcome}")


def _print_json(report: dict[str, Any]) -> None:
    typer.echo(json.dumps(report, allow_nan=False, default=str))
