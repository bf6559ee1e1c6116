"""`tranche use`: choose the profile that commands work on, or show the current one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from terminal.command_line import stage
from terminal.report import Report, reporting
from tranche.local.join_profile import header
from tranche.local.profiles import MAKES, ProfileFault, current_name, make_current, names, profile_named
from tranche.settings import Settings

app = stage("Which world commands work on.")


@app.command()
@reporting("name", "current", "state")
def use_profile(
    name: Annotated[str | None, typer.Argument(help="demo, local, or the name of a file in var/profiles.")] = None,
) -> Report:
    """Work on this profile from now on; without a name, show the current one and all that are known."""
    var = Settings.from_environment().var
    if name is not None:
        make_current(var, name)
    chosen = current_name(var)
    known = [{"name": each, "current": each == chosen, "state": _described(var, each)} for each in names(var)]

    def shown() -> Iterator[str]:
        if name is not None:
            profile = profile_named(var, name)
            yield header(profile) + ("" if profile.exists else f" · made by: {MAKES[name]}")
            return
        for each in known:
            yield f"{'*' if each['current'] else ' '} {each['name']:<12}{each['state']}"
        if chosen is None:
            yield "none is current: make demo makes a world and chooses it, tranche local up makes an empty one"

    return Report({"current": chosen, "known": known}, shown(), known)


def _described(var: Path, name: str) -> str:
    try:
        profile = profile_named(var, name)
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
