"""Command line: publish vectors to serving, keep them fresh, roll them back, and look at what they say."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from features.publication import KEEP, Publication
from pipelines.settings import Settings
from terminal.clock import now
from terminal.report import Report, reporting

Entity = Annotated[str, typer.Option(help="Whose vectors: applicant or another entity of the catalogue.")]
_MINUTES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@reporting()
def publish_features(
    *,
    keep: Annotated[int, typer.Option(min=1, help="Whole versions that stay in reach of a roll-back.")] = KEEP,
) -> Report:
    """Hand the vectors of the current feature sets to the store that serving reads, as a new version of each."""
    from pipelines.lake.iceberg import IcebergTables
    from pipelines.lake.iceberg_changes import IcebergChanges
    from pipelines.vectors import publish_features as act
    from pipelines.vectors.published_vectors import published_vectors

    lake = Settings.from_environment()
    tables, changes = IcebergTables(lake), IcebergChanges(lake)
    reports = []
    with _store() as store:
        for served in published_vectors().values():
            if tables.newest(served.table) is None and served.entity != "applicant":
                continue  # an entity whose features nobody has built yet
            reports.append(act.publish_features(tables, store, served=served, lake=changes, keep=keep))
    tree = asdict(reports[0]) | {"feature_sets": [asdict(report) for report in reports]}

    def shown() -> Iterator[str]:
        for report in reports:
            yield (
                f"{report.vectors:,} vectors of {report.entity}s are published, {report.changed:,} of them new or "
                f"changed; serving reads version {report.version}"
            )

    return Report(tree, shown())


@reporting()
def refresh_features(
    *,
    as_of: Annotated[
        datetime | None, typer.Option(formats=_MINUTES, help="The moment of the new vectors, in UTC; now if not given.")
    ] = None,
) -> Report:
    """Compute the vectors of the entities that newly curated rows touched, and add them to what serving reads."""
    from pipelines.lake.iceberg_changes import IcebergChanges
    from pipelines.vectors import refresh_features as act
    from pipelines.vectors.published_vectors import published_vectors

    changes = IcebergChanges(Settings.from_environment())
    moment = now() if as_of is None else as_of.replace(tzinfo=UTC)
    with _store() as store:
        # The applicant's sources must be there; another entity joins once its own are.
        known = [
            served
            for served in published_vectors().values()
            if served.entity == "applicant" or any(changes.mark(source.table) for source in served.sources)
        ]
        reports = [act.refresh(changes, store, served, moment) for served in known]
    tree = {"feature_sets": [_told(asdict(report)) for report in reports]}

    def shown() -> Iterator[str]:
        for report in reports:
            fresh = (
                "nothing was ever recorded of them"
                if report.freshness is None
                else f"known up to {report.freshness} ago"
            )
            yield (
                f"{report.touched:,} {report.entity}s touched, {report.changed:,} vectors new or changed, {fresh}; "
                f"serving reads version {report.version}{' (another refresh was ahead)' if report.outdated else ''}"
            )

    return Report(tree, shown())


@reporting()
def roll_back_features(
    *,
    to: Annotated[
        int | None, typer.Option(help="The version to activate; if not given, what the newest whole one replaced.")
    ] = None,
    entity: Entity = "applicant",
) -> Report:
    """Let serving read an earlier version of the vectors, at once."""
    from pipelines.vectors.published_vectors import published_vectors

    with _store() as store:
        publication = store.roll_back(_digest(published_vectors(), entity), to)
    tree = _as_json(publication)

    def shown() -> Iterator[str]:
        yield f"serving reads version {publication.version}, published {publication.created_at:%Y-%m-%d %H:%M:%S} UTC"

    return Report(tree, shown())


@reporting("version", "entity", "kind", "based_on", "vectors", "changed", "created_at", "active", "digest")
def list_publications() -> Report:
    """List the versions of the vectors, newest first; the one that serving reads is marked."""
    with _store() as store:
        publications = store.publications()
    tree = {"publications": [_as_json(each) for each in publications]}

    def shown() -> Iterator[str]:
        yield (
            f"  {'version':>8}  {'entity':<12}{'kind':<9}{'based on':>9}{'vectors':>12}{'changed':>12}  published (UTC)"
        )
        for each in publications:
            mark = "*" if each.active else " "
            based = "" if each.based_on is None else each.based_on
            yield (
                f"{mark} {each.version:>8}  {each.entity:<12}{each.kind:<9}{based:>9}{each.vectors:>12,}"
                f"{each.changed:>12,}  {each.created_at:%Y-%m-%d %H:%M:%S}   feature set {each.digest[:12]}"
            )

    return Report(tree, shown(), tree["publications"])


@reporting()
def profile_features(
    *,
    out: Annotated[Path, typer.Option(help="The folder for the page; it is made when it is missing.")],
) -> Report:
    """Write a page on what the feature tables hold: coverage, missing values and a picture of each distribution."""
    from pipelines.lake.iceberg import IcebergTables
    from pipelines.vectors import profile_features as act

    report = act.profile_features(IcebergTables(Settings.from_environment()), out)
    tree = {"path": str(report.path), "entities": report.rows, "features": report.features}

    def shown() -> Iterator[str]:
        yield f"{report.features} features over {sum(report.rows.values()):,} vectors, in {report.path}"

    return Report(tree, shown())


def register(app: typer.Typer) -> None:
    """Put these commands on the command line of the pipelines."""
    for command in (publish_features, refresh_features, roll_back_features, list_publications, profile_features):
        app.command(command.__name__.replace("_", "-"))(command)


@contextmanager
def _store() -> Iterator[Any]:
    from features.postgres import vector_store
    from features.settings import Settings as StoreSettings

    with vector_store(StoreSettings.from_environment().database_url) as store:
        yield store


def _digest(sets: Any, entity: str) -> str:
    if entity not in sets:
        raise typer.BadParameter(f"is {entity!r}; there are {', '.join(sets)}", param_hint="--entity")
    return str(sets[entity].digest)


def _as_json(publication: Publication) -> dict[str, Any]:
    return _told(asdict(publication))


def _told(body: dict[str, Any]) -> dict[str, Any]:
    """Times as text."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in body.items()}
