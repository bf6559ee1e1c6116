"""Command line: what was quarantined, once more through the contracts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from pipelines.settings import Settings
from terminal.report import Report, reporting


@reporting()
def redrive(
    *,
    reason: Annotated[str, typer.Option(help="Why it is tried again; kept with the redrive.")],
    by: Annotated[str, typer.Option(help="Who you are; it is taken as given until the platform has a sign-in.")],
    event_type: Annotated[str | None, typer.Option(help="Only this event type, for example order_line.v1.")] = None,
    contract_version: Annotated[
        str | None, typer.Option(help="Only what this version of a contract put there, for example 1.0.0.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many rows, those with the fewest tries.")] = None,
    parked: Annotated[bool, typer.Option("--parked", help="Try the parked rows too.")] = False,
    park_after: Annotated[int, typer.Option(min=1, help="Park what has failed so many times.")] = 3,
) -> Report:
    """Judge quarantined rows by the present contracts: what passes now goes to its raw table, as if just accepted."""
    from rich.console import Console

    from features.settings import Settings as StoreSettings
    from pipelines.ingest import redrive as act
    from pipelines.runtime.spark import session
    from pipelines.streams.postgres_turn import ingesting

    settings = Settings.from_environment()
    wanted = act.Wanted(by, reason, event_type, contract_version, limit, parked)
    with Console(stderr=True).status("starting Spark") as status:
        spark = session(settings)
        status.update("waiting for the turn to ingest")
        with ingesting(StoreSettings.from_environment().database_url, settings) as still_mine:
            status.update("judging the quarantine again")

            def after_commit(table: str) -> None:
                status.update(f"{table} done")
                still_mine(table)

            report = act.redrive(
                spark, settings, wanted, now=datetime.now(UTC), park_after=park_after, after_commit=after_commit
            )

    def shown() -> Iterator[str]:
        yield f"redrive {report.redrive_id}, by {by}: {reason}"
        yield f"  {'':<24}{'tried':>12}{'redriven':>12}{'duplicates':>12}{'quarantined':>12}{'parked':>12}"
        for name, of in report.event_types.items():
            yield (
                f"  {name:<24}{of.taken:>12,}{of.redriven:>12,}{of.duplicates:>12,}{of.quarantined:>12,}"
                f"{of.parked:>12,}"
            )
        states = ", ".join(f"{count:,} {state}" for state, count in report.states.items())
        yield f"  the quarantine holds {states or 'nothing'}"

    return Report(report, shown())
