"""Command line: build feature vectors from the curated lake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.settings import Settings
from terminal.report import Report, reporting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class EngineName(StrEnum):
    """What computes the vectors: Spark scales out, DuckDB needs no JVM."""

    SPARK = "spark"
    DUCKDB = "duckdb"


class EntityName(StrEnum):
    """Whose vectors are built."""

    APPLICANT = "applicant"
    MERCHANT = "merchant"


@reporting()
def build_features(
    *,
    as_of: Annotated[
        list[datetime] | None, typer.Option(formats=["%Y-%m-%d"], help="A day at whose start all of them are built.")
    ] = None,
    entity: Annotated[EntityName, typer.Option(help="Whose vectors.")] = EntityName.APPLICANT,
    engine: Annotated[EngineName, typer.Option(help="Spark scales out; DuckDB needs no JVM.")] = EngineName.SPARK,
    increment: Annotated[
        bool, typer.Option("--increment", help="Only the --as-of days, reading only days that gained events.")
    ] = False,
) -> Report:
    """Compute the features of every application at its moment, and of all accounts at each --as-of."""
    from rich.console import Console

    from features.catalog import FEATURE_SETS
    from pipelines.lake.iceberg import IcebergTables
    from pipelines.vectors import build_features as act

    settings = Settings.from_environment()
    moments = [day.replace(tzinfo=UTC) for day in as_of or []]
    with Console(stderr=True).status("building features"):
        report = act.build_features(
            _spark(engine, settings),
            IcebergTables(settings),
            settings,
            moments,
            of=FEATURE_SETS[entity],
            engine=engine.value,
            increment=increment,
        )

    def shown() -> Iterator[str]:
        yield (
            f"{'built' if report.written else 'found as built before'}: {report.vectors:,} vectors of "
            f"{report.features} features ({report.empty:,} without {_EVENTS[entity]}), "
            f"feature set {report.feature_set_digest[:12]}"
        )
        for each in report.increments:
            why = "all days were read" if each.whole else "the rest from what was kept of each day"
            yield f"  {each.source}: {each.days:,} days with {each.events_read:,} events were read; {why}"

    return Report(report, shown())


_EVENTS = {EntityName.APPLICANT: "a bank transaction", EntityName.MERCHANT: "an order"}


def _spark(engine: EngineName, settings: Settings) -> SparkSession | None:
    if engine is EngineName.DUCKDB:
        return None
    from pipelines.runtime.spark import session

    return session(settings)
