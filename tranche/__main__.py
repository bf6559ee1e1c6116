"""The command line: `tranche <stage> <act>`."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import completion_init, get_completion_script, install  # type: ignore[attr-defined]

from terminal.command_line import answered, command_of
from terminal.command_line import invoke as invoke_command
from tranche.fault import RuntimeFault, in_plain_words
from tranche.settings import Settings, is_pointed_elsewhere, point_here
from tranche.stage import STAGES, Stages

NAME = "tranche"


class Shell(StrEnum):
    """The shells whose completion is tested."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. What a person can put right is one line, not a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)

    def beside_local() -> int:
        if _needs_local(arguments):
            _join_local_runtime()
        return invoke(arguments)

    return answered(beside_local, lambda error: _in_words(error, next(iter(arguments), "")))


def invoke(arguments: Sequence[str]) -> int:
    """Run one command in this process and environment; its exit code. Faults and wrong usage are raised."""
    completion_init()
    return invoke_command(command_of(app), arguments, NAME)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        print(f"{NAME} {version(NAME)}")
        raise typer.Exit


def _show(shell: Shell | None) -> None:
    if shell is not None:
        print(get_completion_script(prog_name=NAME, complete_var=f"_{NAME.upper()}_COMPLETE", shell=shell))
        raise typer.Exit


def _install(shell: Shell | None) -> None:
    if shell is not None:
        _, file = install(shell=shell, prog_name=NAME)
        print(f"completion for {shell} is in {file}; it works in the next shell that is opened")
        raise typer.Exit


app = typer.Typer(cls=Stages, add_completion=False, rich_markup_mode=None)


@app.callback()
def tranche(
    *,
    print_version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version)] = False,
    show: Annotated[Shell | None, typer.Option("--show-completion", is_eager=True, callback=_show)] = None,
    into: Annotated[Shell | None, typer.Option("--install-completion", is_eager=True, callback=_install)] = None,
) -> None:
    """The options of `tranche` itself end the command before a stage is looked for."""


def _in_words(error: Exception, stage: str) -> str | None:
    if isinstance(error, ModuleNotFoundError):
        from tranche import extras

        return extras.in_words(error, stage)
    return in_plain_words(error)


def _needs_local(arguments: Sequence[str]) -> bool:
    """Whether a stage runs that may need the local runtime; its help and its completion do not."""
    stage = next((stage for stage in STAGES if stage.name == next(iter(arguments), None)), None)
    return stage is not None and stage.runs_beside_local and "--help" not in arguments


def _join_local_runtime() -> None:
    if is_pointed_elsewhere():
        return
    try:
        from tranche.local.runtime import LocalRuntime
    except ModuleNotFoundError as missing:
        from tranche import extras

        if extras.in_words(missing, "local") is None:
            raise
        return  # without the extra 'local' there is no local runtime to join
    runtime = LocalRuntime(Settings.from_environment().local_folder)
    if not runtime.is_up:
        return
    try:
        point_here(runtime.environment())
    except RuntimeFault as fault:
        # A command that needs nothing of the runtime works all the same; any other names the setting it misses.
        print(f"note: {fault.user_message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
