"""`tranche use`: choose the world that commands work on, or show which one it is."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tranche.local.join_profile import header
from tranche.local.profiles import MAKES, ProfileFault, current_name, make_current, named, names
from tranche.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def run(
    name: Annotated[str | None, typer.Argument(help="demo, local, or the name of a file in var/profiles.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Work on this profile from now on; without a name, show the current one and all that are known."""
    var = Settings.from_environment().var
    if name is not None:
        make_current(var, name)
    chosen = current_name(var)
    if as_json:
        print(json.dumps({"current": chosen, "known": names(var)}))
        return
    if name is not None:
        profile = named(var, name)
        print(header(profile) + ("" if profile.exists else f" · made by: {MAKES[name]}"))
        return
    for each in names(var):
        print(f"{'*' if each == chosen else ' '} {each:<12}{_described(var, each)}")
    if chosen is None:
        print("none is current: make demo makes a world and chooses it, tranche local up makes an empty one")


def main(argv: list[str] | None = None) -> int:
    """Run it; the exit code is typer's own."""
    return int(app(argv, prog_name="tranche use", standalone_mode=False) or 0)


def _described(var: Path, name: str) -> str:
    try:
        profile = named(var, name)
    except ProfileFault as fault:
        return str(fault)
    if profile.runtime is None:
        return f"settings of {var / 'profiles' / name}.toml"
    if not profile.exists:
        return f"not made yet: {MAKES[name]}"
    stopped = profile.runtime.missing()
    running = [part for part in profile.runtime.parts if part not in stopped]
    state = f"running: {', '.join(running)}" if running else "stopped"
    time = profile.time()
    return f"{state}{f' · clock {time}' if time else ''}"
