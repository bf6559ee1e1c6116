"""The command line: `tranche <stage> <act>`."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import completion_init, get_completion_script, install  # type: ignore[attr-defined]

from terminal.command_line import answered, command_of
from terminal.command_line import invoke as invoke_command
from tranche.fault import in_plain_words
from tranche.stage import STAGES, Stages

NAME = "tranche"


class Shell(StrEnum):
    """The shells whose completion is tested."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Faults that a person can fix are printed as one line."""
    arguments = list(sys.argv[1:] if argv is None else argv)

    def on_profile() -> int:
        if _needs_profile(arguments):
            _join_profile(arguments[0], arguments[1:])
        return invoke(arguments)

    return answered(on_profile, lambda error: _in_words(error, next(iter(arguments), "")))


def invoke(arguments: Sequence[str]) -> int:
    """Run one command in this process and environment and return its exit code. Raises faults and usage errors."""
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


def _needs_profile(arguments: Sequence[str]) -> bool:
    """Whether the command may need the services of the current profile; --help and completion do not."""
    stage = next((stage for stage in STAGES if stage.name == next(iter(arguments), None)), None)
    return stage is not None and stage.works_on_profile and "--help" not in arguments


def _join_profile(stage: str, arguments: Sequence[str]) -> None:
    try:
        from tranche.local.join_profile import join_current
    except ModuleNotFoundError as missing:
        from tranche import extras

        if extras.in_words(missing, "local") is None:
            raise
        return  # without the extra 'local' there can be no runtime on this machine
    join_current(stage, arguments)


if __name__ == "__main__":
    sys.exit(main())
