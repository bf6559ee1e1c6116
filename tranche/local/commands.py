"""`tranche local`: the acts of the local runtime as commands."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from tranche.local.runtime import LocalRuntime, PartStatus
from tranche.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="PostgreSQL, AWS endpoint, provider: on loopback.")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@app.command()
def up(as_json: AsJson = False) -> None:
    """Start what is not running, repair what crashed; nothing when all is well."""
    report = _runtime().bring_up(_say)
    if as_json:
        print(json.dumps(asdict(report)))
        return
    for line in report.repaired:
        print(f"repaired  {line}")
    print(f"started   {', '.join(report.started) or 'nothing: all was running'}")
    for name, value in report.environment.items():
        print(f"  {name}={value}")


@app.command()
def status(as_json: AsJson = False) -> None:
    """What runs, what is down, what has crashed; exit code 1 unless everything runs."""
    parts = _runtime().status()
    if as_json:
        print(json.dumps({"parts": [asdict(part) for part in parts]}))
    else:
        for part in parts:
            print(f"{part.name:<10}{part.state:<9}{part.address or ''}{f'  pid {part.pid}' if part.pid else ''}")
        if any(part.state == "crashed" for part in parts):
            print("repair it with: tranche local up")
    if not _all_up(parts):
        raise typer.Exit(1)


@app.command()
def down(as_json: AsJson = False) -> None:
    """Stop everything; the data stays."""
    stopped = _runtime().down(_say)
    print(json.dumps({"stopped": stopped}) if as_json else f"stopped   {', '.join(stopped) or 'nothing: nothing ran'}")


@app.command()
def reset(as_json: AsJson = False) -> None:
    """Stop everything and remove all data of the local runtime."""
    runtime = _runtime()
    runtime.reset(_say)
    print(json.dumps({"removed": str(runtime.folder)}) if as_json else f"removed   {runtime.folder}")


def main(argv: list[str] | None = None) -> int:
    """Run one act; its exit code."""
    return int(app(argv, prog_name="tranche local", standalone_mode=False) or 0)


def _runtime() -> LocalRuntime:
    return LocalRuntime(Settings.from_environment().local_folder)


def _say(step: str) -> None:
    print(f"… {step}", file=sys.stderr)


def _all_up(parts: tuple[PartStatus, ...]) -> bool:
    return all(part.state == "up" for part in parts)
