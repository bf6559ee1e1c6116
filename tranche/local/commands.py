"""`tranche local`: the acts of the local runtime as commands."""

import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from terminal.command_line import stage
from terminal.report import Report, reporting
from tranche.fault import RuntimeFault
from tranche.local.api_process import KEPT, stop_noted
from tranche.local.join_profile import header
from tranche.local.placement import homes
from tranche.local.profiles import DEMO, LOCAL, MAKES, Profile, current, current_name, make_current, profile_named
from tranche.local.runtime import LocalRuntime, PartStatus
from tranche.settings import Settings

app = stage("PostgreSQL, AWS endpoint, provider: on loopback.")
Every = Annotated[bool, typer.Option("--all", help="Every runtime of this checkout, not only the current profile's.")]


@app.command()
@reporting()
def up() -> Report:
    """Start the runtime `local`, repair what crashed, and work on it from now on; nothing when all is well."""
    var = Settings.from_environment().var
    before = current_name(var)
    profile = make_current(var, LOCAL)
    assert profile.runtime is not None
    report = profile.runtime.bring_up(_say)
    if before not in (None, LOCAL):
        _say(f"profile {LOCAL} is current now; back with: tranche use {before}")

    def shown() -> Iterator[str]:
        for line in report.repaired:
            yield f"repaired  {line}"
        yield f"started   {', '.join(report.started) or 'nothing: all was running'}"
        for name, value in report.environment.items():
            if name != "TRANCHE_KEY":
                yield f"  {name}={shlex.quote(value)}"
        yield "the decision API asks for a key: tranche local key"

    return Report(report, shown())


@app.command()
@reporting()
def key() -> Report:
    """Print the key of the current profile's runtime, for `Authorization: Bearer` and TRANCHE_KEY."""
    profile = _current()
    file = _runtime(profile).key_file
    if not file.is_file():
        raise RuntimeFault(f"the runtime of profile {profile.name} has no key; tranche local up makes one")
    found = file.read_text(encoding="ascii").strip()
    return Report({"key": found, "file": file}, [found])


@app.command()
@reporting("name", "state", "address", "pid")
def status() -> Report:
    """What runs of the current profile, what is down, what has crashed; exit code 1 unless everything runs."""
    profile = _current()
    parts = _runtime(profile).status()
    rows = [asdict(part) for part in parts]

    def shown() -> Iterator[str]:
        yield header(profile)
        for part in parts:
            yield f"{part.name:<10}{part.state:<9}{part.address or ''}{f'  pid {part.pid}' if part.pid else ''}"
        if any(part.state == "crashed" for part in parts):
            yield "the next command that needs it repairs it"

    return Report({"profile": profile.name, "parts": rows}, shown(), rows, 0 if _all_up(parts) else 1)


@app.command()
@reporting()
def down(every: Every = False) -> Report:
    """Stop everything of the current profile, an API that the demo left up too; the data stays."""
    stopped = {}
    for name, runtime in _runtimes(every).items():
        kept = stop_noted(Settings.from_environment().var / "demo" / KEPT) if name == DEMO else False
        stopped[name] = (*(("api",) if kept else ()), *runtime.down(_say))
    return Report(
        {"stopped": stopped},
        [f"stopped   {name}: {', '.join(parts) or 'nothing ran'}" for name, parts in stopped.items()],
    )


@app.command()
@reporting()
def reset(every: Every = False) -> Report:
    """Stop everything of the current profile and remove all its data."""
    removed = []
    for runtime in _runtimes(every).values():
        runtime.reset(_say)
        removed.append(str(runtime.folder))
    return Report({"removed": removed}, [f"removed   {', '.join(removed) or 'nothing'}"])


@app.command()
@reporting("data", "folder")
def where() -> Report:
    """Where the data of every runtime of this user lies, and whose folder is gone."""
    found = [{"data": str(home), "folder": str(folder)} for home, folder in homes().items()]
    gone = "  (gone: remove the data by hand)"
    shown = [f"{each['data']}  {each['folder']}{'' if Path(each['folder']).is_dir() else gone}" for each in found]
    return Report({"runtimes": found}, shown, found)


def _current() -> Profile:
    var = Settings.from_environment().var
    return current(var) or profile_named(var, LOCAL)


def _runtime(profile: Profile) -> LocalRuntime:
    if profile.runtime is None:
        raise RuntimeFault(f"profile {profile.name} is an environment outside this machine: nothing of it runs here")
    return profile.runtime


def _runtimes(every: bool) -> dict[str, LocalRuntime]:
    """The runtime of the current profile, or with `every` all that were made in this checkout."""
    if not every:
        profile = _current()
        return {profile.name: _runtime(profile)}
    var = Settings.from_environment().var
    return {name: runtime for name in MAKES if (runtime := _runtime(profile_named(var, name))).exists}


def _say(step: str) -> None:
    print(f"… {step}", file=sys.stderr)


def _all_up(parts: tuple[PartStatus, ...]) -> bool:
    return all(part.state == "up" for part in parts)
