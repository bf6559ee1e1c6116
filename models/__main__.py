"""Command line: train a model from the lake, promote a version to champion."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from models.settings import Settings
from terminal.clock import now

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Train models from the lake and promote them.")

Day = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the report.")]


class NotADay(Exception):
    """An option that should be a day is not."""

    @property
    def user_message(self) -> str:
        return str(self)


class NoManifest(Exception):
    """It was not said which training set is meant."""

    @property
    def user_message(self) -> str:
        return str(self)


@app.command()
def train(
    *,
    train_until: Day = None,
    test_until: Day = None,
    known_by: Day = None,
    source: Annotated[str | None, typer.Option(help="berka or seeded; needed when the lake holds both.")] = None,
    name: Annotated[str, typer.Option(help="Name of the model in the registry.")] = "default_probability",
    as_json: AsJson = False,
) -> None:
    """Train on applications up to --train-until, judge by those after it up to --test-until, register the model.

    Berka's usual split (1995-12-31, 1996-12-31) needs no options. Outcomes recorded after --known-by do not count.
    """
    from rich.console import Console

    from models import train as act
    from models.code_version import code_version

    request = act.Request(
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
        from models.iceberg import IcebergTables

        report = act.train(
            IcebergTables(settings.lake), _registry(settings), settings.models_dir, request, status.update
        )
    if as_json:
        _print_json(report.as_json())
        return
    typer.echo(_described(report))


@app.command()
def promote(
    version: Annotated[str | None, typer.Option(help="Version in the registry; the newest if not given.")] = None,
    name: Annotated[str, typer.Option(help="Name of the model in the registry.")] = "default_probability",
    as_json: AsJson = False,
) -> None:
    """Make a version the champion: the registry's alias, and the file that serving follows."""
    from models.promote import promote as act

    settings = Settings.from_environment()
    report = act(_registry(settings), settings.models_dir, name, version)
    if as_json:
        _print_json(report.as_json())
        return
    before = f", before it was version {report.before.version}" if report.before else ""
    typer.echo(f"champion of {name}: version {report.champion.version} ({report.champion.digest[:12]}){before}")


@app.command("rebuild-training-set")
def rebuild_training_set(
    manifest: Annotated[Path | None, typer.Argument(help="A manifest's file; else the one of --model.")] = None,
    *,
    model: Annotated[str | None, typer.Option(help="A model of the registry; its newest version.")] = None,
    version: Annotated[str | None, typer.Option(help="Another version of --model.")] = None,
    as_json: AsJson = False,
) -> None:
    """Gather a training set again from the snapshots of its manifest; exit code 1 names what differs."""
    from models import rebuild as act
    from models.iceberg import IcebergTables
    from models.manifest import Manifest

    if (manifest is None) == (model is None):
        raise NoManifest("name a manifest's file or --model, one of the two")
    settings = Settings.from_environment()
    if manifest is not None:
        found = Manifest.read(manifest)
    else:
        registry = _registry(settings)
        found = act.manifest_of(registry, registry.version(model, version))
    report = act.rebuild(IcebergTables(settings.lake), found)
    if as_json:
        _print_json(report.as_json())
    elif report.is_same:
        typer.echo(f"the same {report.rows} rows, content hash {report.content_hash}")
    else:
        typer.echo(f"content hash {report.content_hash}, {report.expected_content_hash} was learnt from")
        typer.echo("\n".join(f"  {difference}" for difference in report.differences))
    if not report.is_same:
        raise typer.Exit(1)


@app.command()
def retire(
    name: Annotated[str, typer.Argument(help="Name of the model in the registry.")],
    version: Annotated[str, typer.Argument(help="Its version.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Let a version stand no more and take the tag off its training set, whose snapshots may then expire."""
    from models.iceberg import IcebergTables
    from models.retire import retire as act

    settings = Settings.from_environment()
    report = act(IcebergTables(settings.lake), _registry(settings), name, version)
    if as_json:
        _print_json(report.as_json())
        return
    typer.echo(f"version {version} of {name} is retired; its tag is off {report.unpinned} tables")


@app.command("amend-training-sets")
def amend_training_sets(*, as_json: AsJson = False) -> None:
    """After an erasure: let every manifest say how many of its rows went, and the hash of those that stayed."""
    from models.amend import amend as act
    from models.iceberg import IcebergTables
    from pipelines.erasures.iceberg_erasures import IcebergErasures

    settings = Settings.from_environment()
    lines = IcebergErasures(settings.lake).lines()
    amended = act(IcebergTables(settings.lake), _registry(settings), settings.models_dir, lines, now())
    if as_json:
        _print_json({"amended": [each.as_json() for each in amended]})
        return
    for each in amended:
        typer.echo(
            f"{each.version.name} version {each.version.version}: {each.training_rows_erased} rows went on account of "
            f"{each.case_id}, content hash {each.content_hash}"
        )
    if not amended:
        typer.echo("no pinned training set has changed")


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


def _print_json(report: dict[str, Any]) -> None:
    typer.echo(json.dumps(report, allow_nan=False))


def main(argv: list[str] | None = None) -> int:
    """Run one command; expected faults are raised to the caller, who prints them."""
    result = app(args=sys.argv[1:] if argv is None else argv, standalone_mode=False, prog_name="tranche models")
    return int(result or 0)


if __name__ == "__main__":
    raise SystemExit(main())
