"""Command line: train a model from the lake, promote a version to champion, manage training sets."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from models.settings import Settings
from terminal.clock import now
from terminal.command_line import run, stage
from terminal.fault import Fault
from terminal.report import Report, reporting

app = stage("Train models from the lake and promote them.")

Day = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD")]


class NotADay(Fault):
    """Raised for an option that must be a day but is not."""


class NoManifest(Fault):
    """Raised when neither a manifest nor a model is given."""


@app.command()
@reporting()
def train(
    *,
    train_until: Day = None,
    test_until: Day = None,
    known_by: Day = None,
    source: Annotated[str | None, typer.Option(help="berka or seeded; needed when the lake holds both.")] = None,
    name: Annotated[str, typer.Option(help="Name of the model in the registry.")] = "default_probability",
) -> Report:
    """Train on applications up to --train-until, judge by those after it up to --test-until, register the model.

    Berka's usual split (1995-12-31, 1996-12-31) needs no options. Outcomes recorded after --known-by do not count.
    """
    from rich.console import Console

    from models import train as act
    from models.code_version import code_version

    request = act.TrainingRequest(
        train_until=_day("--train-until", train_until),
        test_until=_day("--test-until", test_until),
        known_by=_day("--known-by", known_by),
        source=source,
        name=name,
        code=code_version(),
        at=now(),
    )
    settings = Settings.from_environment()
    console = Console(stderr=True)
    with console.status("opening the lake and the registry") as status:
        from models.iceberg import IcebergTrainingTables

        report = act.train(
            IcebergTrainingTables(settings.lake), _registry(settings), settings.models_dir, request, status.update
        )

    def shown() -> Iterator[str]:
        yield _described(report)

    return Report(report.as_json(), shown())


@app.command()
@reporting()
def promote(
    version: Annotated[str | None, typer.Option(help="Version in the registry; the newest if not given.")] = None,
    name: Annotated[str, typer.Option(help="Name of the model in the registry.")] = "default_probability",
) -> Report:
    """Make a version the champion, in the registry and in the file that serving reads."""
    from models.promote import promote as act

    settings = Settings.from_environment()
    report = act(_registry(settings), settings.models_dir, name, version)

    def shown() -> Iterator[str]:
        before = f", before it was version {report.before.version}" if report.before else ""
        yield f"champion of {name}: version {report.champion.version} ({report.champion.digest[:12]}){before}"

    return Report(report.as_json(), shown())


@app.command("rebuild-training-set")
@reporting()
def rebuild_training_set(
    manifest: Annotated[Path | None, typer.Argument(help="A manifest's file; else the one of --model.")] = None,
    *,
    model: Annotated[str | None, typer.Option(help="A model of the registry; its newest version.")] = None,
    version: Annotated[str | None, typer.Option(help="Another version of --model.")] = None,
) -> Report:
    """Gather a training set again from the snapshots of its manifest; exit code 1 names what differs."""
    from models import rebuild as act
    from models.iceberg import IcebergTrainingTables
    from models.manifest import Manifest

    if (manifest is None) == (model is None):
        raise NoManifest("name a manifest's file or --model, one of the two")
    settings = Settings.from_environment()
    if manifest is not None:
        found = Manifest.read(manifest)
    else:
        registry = _registry(settings)
        found = act.registered_manifest(registry, registry.version(model, version))
    report = act.rebuild_training_set(IcebergTrainingTables(settings.lake), found)

    def shown() -> Iterator[str]:
        if report.is_same:
            yield f"the same {report.rows} rows, content hash {report.content_hash}"
        else:
            yield f"content hash {report.content_hash}, the manifest has {report.expected_content_hash}"
            yield "\n".join(f"  {difference}" for difference in report.differences)

    return Report(report.as_json(), shown(), exit_code=0 if report.is_same else 1)


@app.command()
@reporting()
def retire(
    name: Annotated[str, typer.Argument(help="Name of the model in the registry.")],
    version: Annotated[str, typer.Argument(help="Its version.")],
) -> Report:
    """Retire a version, and remove the tag of its training set, whose snapshots may then expire."""
    from models.iceberg import IcebergTrainingTables
    from models.retire import retire as act

    settings = Settings.from_environment()
    report = act(IcebergTrainingTables(settings.lake), _registry(settings), name, version)

    def shown() -> Iterator[str]:
        yield f"version {version} of {name} is retired; its tag is off {report.unpinned} tables"

    return Report(report.as_json(), shown())


@app.command("amend-training-sets")
@reporting()
def amend_training_sets() -> Report:
    """After an erasure: record in every manifest how many of its rows were removed, and the hash of the rest."""
    from models.amend import amend as act
    from models.iceberg import IcebergTrainingTables
    from pipelines.erasures.iceberg_erasures import IcebergErasures

    settings = Settings.from_environment()
    lines = IcebergErasures(settings.lake).lines()
    amended = act(IcebergTrainingTables(settings.lake), _registry(settings), settings.models_dir, lines, now())
    tree = {"amended": [each.as_json() for each in amended]}

    def shown() -> Iterator[str]:
        for each in amended:
            yield (
                f"{each.version.name} version {each.version.version}: {each.training_rows_erased} rows removed in case "
                f"{each.case_id}, content hash {each.content_hash}"
            )
        if not amended:
            yield "no pinned training set has changed"

    return Report(tree, shown())


def _registry(settings: Settings) -> Any:
    settings.hand_to_mlflow()
    from models.mlflow import MlflowRegistry

    return MlflowRegistry(settings.tracking_uri, settings.artefacts_uri)


def _described(report: Any) -> str:
    slope = report.champion.calibration_slope
    lines = [
        f"model {report.version.name} version {report.version.version} ({report.version.digest[:12]}), {report.source}",
        f"  trained on   {report.train_rows} loans up to {report.train_until}, {report.train_bads} bad",
        f"  judged by    {report.test_rows} loans after that up to {report.test_until}, {report.test_bads} bad",
        f"  AUC          {_figure(report.champion.auc)}   scorecard {_figure(report.scorecard.auc)}",
        f"  KS           {_figure(report.champion.ks)}   scorecard {_figure(report.scorecard.ks)}",
        f"  Brier        {_figure(report.champion.brier)}   scorecard {_figure(report.scorecard.brier)}",
        f"  calibration  slope {_figure(slope)}, intercept {report.champion.calibration_intercept:.3f}",
        f"  export       differs from the trained model by at most {report.parity:.1e} log-odds",
        *(f"  note         {note}" for note in report.notes),
    ]
    return "\n".join(lines)


def _figure(figure: Any) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _day(option: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise NotADay(f"{option} is {text!r}, which is not a day; for example {option} 1995-12-31") from None


if __name__ == "__main__":
    raise SystemExit(run(app, "tranche models"))
