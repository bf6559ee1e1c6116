"""`tranche local`: the acts of the local runtime as commands."""

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tranche.fault import RuntimeFault
from tranche.local.api_process import KEPT, stop_noted
from tranche.local.join_profile import header
from tranche.local.placement import homes
from tranche.local.profiles import DEMO, LOCAL, MAKES, Profile, current, current_name, make_current, named
from tranche.local.runtime import LocalRuntime, PartStatus
from tranche.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="PostgreSQL, AWS endpoint, provider: on loopback.")
Every = Annotated[bool, typer.Option("--all", help="Every runtime of this checkout, not only the current profile's.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@app.command()
def up(as_json: AsJson = False) -> None:
    """Start the runtime `local`, repair what crashed, and work on it from now on; nothing when all is well."""
    var = Settings.from_environment().var
    before = current_name(var)
    profile = make_current(var, LOCAL)
    assert profile.runtime is not None
    report = profile.runtime.bring_up(_say)
    if before not in (None, LOCAL):
        _say(f"profile {LOCAL} is current now; back with: tranche use {before}")
    if as_json:
        print(json.dumps(asdict(report)))
        return
    for line in report.repaired:
        print(f"repaired  {line}")
    print(f"started   {', '.join(report.started) or 'nothing: all was running'}")
    for name, value in report.environment.items():
        print(f"  {name}={shlex.quote(value)}")


@app.command()
def status(as_json: AsJson = False) -> None:
    """What runs of the current profile, what is down, what has crashed; exit code 1 unless everything runs."""
    profile = _current()
    parts = _runtime(profile).status()
    if as_json:
        print(json.dumps({"profile": profile.name, "parts": [asdict(part) for part in parts]}))
    else:
        print(header(profile))
        for part in parts:
            print(f"{part.name:<10}{part.state:<9}{part.address or ''}{f'  pid {part.pid}' if part.pid else ''}")
        if any(part.state == "crashed" for part in parts):
            print("the next command that needs it repairs it")
    if not _all_up(parts):
        raise typer.Exit(1)


@app.command()
def down(every: Every = False, as_json: AsJson = False) -> None:
    """Stop everything of the current profile, an API that the demo left up too; the data stays."""
    stopped = {}
    for name, runtime in _runtimes(every).items():
        kept = stop_noted(Settings.from_environment().var / "demo" / KEPT) if name == DEMO else False
        stopped[name] = (*(("api",) if kept else ()), *runtime.down(_say))
    if as_json:
        print(json.dumps({"stopped": stopped}))
        return
    for name, parts in stopped.items():
        print(f"stopped   {name}: {', '.join(parts) or 'nothing ran'}")


@app.command()
def reset(every: Every = False, as_json: AsJson = False) -> None:
    """Stop everything of the current profile and remove all its data."""
    removed = []
    for runtime in _runtimes(every).values():
        runtime.reset(_say)
        removed.append(str(runtime.folder))
    print(json.dumps({"removed": removed}) if as_json else f"removed   {', '.join(removed) or 'nothing'}")


@app.command()
def where(as_json: AsJson = False) -> None:
    """Where the data of every runtime of this user lies, and whose folder is gone."""
    found = {str(home): str(folder) for home, folder in homes().items()}
    if as_json:
        print(json.dumps(found))
        return
    for home, folder in found.items():
        print(f"{home}  {folder}{'' if Path(folder).is_dir() else '  (gone: remove the data by hand)'}")


def main(argv: list[str] | None = None) -> int:
    """Run one act; its exit code."""
    return int(app(argv, prog_name="tranche local", standalone_mode=False) or 0)


def _current() -> Profile:
    var = Settings.from_environment().var
    return current(var) or named(var, LOCAL)


def _runtime(profile: Profile) -> LocalRuntime:
    if profile.runtime is None:
        raise RuntimeFault(f"profile {profile.name} is an environment outside this machine: nothing of it runs here")
    return profile.runtime


def _runtimes(every: bool) -> dict[str, LocalRuntime]:
    """The runtime of the current profile, or each one that was made in this checkout."""
    if not every:
        profile = _current()
        return {profile.name: _runtime(profile)}
    var = Settings.from_environment().var
    return {name: runtime for name in MAKES if (runtime := _runtime(named(var, name))).exists}


def _say(step: str) -> None:
    print(f"… {step}", file=sys.stderr)


def _all_up(parts: tuple[PartStatus, ...]) -> bool:
    return all(part.state == "up" for part in parts)
