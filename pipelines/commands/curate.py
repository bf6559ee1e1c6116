"""Command line: make the curated tables from the raw ones, and rebuild a day of them."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from pipelines.settings import Settings
from terminal.report import Report, reporting


@reporting("table", "rows", "outcome", "written")
def curate(
    *,
    whole: Annotated[bool, typer.Option("--whole", help="Make each table anew from all raw rows.")] = False,
    fresh_at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Tables must be fresh at this time (UTC)."),
    ] = None,
) -> Report:
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
    tree = asdict(report)

    def shown() -> Iterator[str]:
        for table in report.tables:
            yield f"{table.table:<32}{table.rows:>12,} rows   {table.outcome:<10}{table.written:>12,} written"

    return Report(tree, shown(), tree["tables"])


@reporting("table", "rows_before", "rows", "outcome")
def backfill(
    *,
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The event day (UTC) that is rebuilt from raw.")],
    table: Annotated[
        list[str] | None, typer.Option(help="A curated table such as curated.accounts; all of them without.")
    ] = None,
) -> Report:
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
    tree = asdict(report) | {"day": report.day.isoformat()}

    def shown() -> Iterator[str]:
        for each in report.tables:
            yield f"{each.table:<32}{each.rows_before:>12,} rows before {each.rows:>12,} now   {each.outcome}"

    return Report(tree, shown(), tree["tables"])
