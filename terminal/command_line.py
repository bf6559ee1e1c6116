"""How the acts of a stage are found, run and, when something is wrong, answered with one line."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from terminal.fault import Fault

EXIT_FAULT = 2
EXIT_INTERRUPTED = 130


class Acts(TyperGroup):
    """The acts of one stage; without the name of one, its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args or ctx.resilient_parsing else ["--help"])

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Every act with the whole first line of its description."""
        with formatter.section("Acts"):
            formatter.write_dl(list(meanings(self).items()))


def stage(meaning: str) -> typer.Typer:
    """The command line of one stage. Its help is plain text: frames and colours take longer to load than to read."""
    return typer.Typer(cls=Acts, help=meaning, add_completion=False, rich_markup_mode=None)


def meanings(command: TyperGroup) -> dict[str, str]:
    """The acts of a stage with the first line of each one's description; hidden ones are left out."""
    shown = {name: act for name, act in command.commands.items() if not act.hidden}
    return {name: (act.help or "").strip().split("\n")[0] for name, act in shown.items()}


def command_of(app: typer.Typer) -> TyperGroup | TyperCommand:
    """What a stage's command line runs."""
    command = get_command(app)
    assert isinstance(command, TyperGroup | TyperCommand)
    return command


def invoke(command: TyperGroup | TyperCommand, arguments: Sequence[str], name: str) -> int:
    """Run one act in this process; its exit code. Faults and wrong usage are raised."""
    code = command.main(args=list(arguments), prog_name=name, standalone_mode=False)
    return code if isinstance(code, int) else 0


def run(app: typer.Typer, name: str) -> int:
    """What `python -m <stage>` does: run the act that the process was started for; its exit code."""
    return answered(lambda: invoke(command_of(app), sys.argv[1:], name))


def answered(act: Callable[[], int], words: Callable[[Exception], str | None] = lambda _: None) -> int:
    """The exit code of an act. What a person can put right is printed as one line; a fault of ours keeps its traceback.

    `words` says what else a person can put right, beside faults and wrong usage.
    """
    try:
        code = act()
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    except SystemExit as leaving:  # completion, and a stage that reads its words by itself
        code = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else EXIT_FAULT
        if isinstance(leaving.code, str):
            print(f"error: {leaving.code}", file=sys.stderr)
    except Exception as error:  # what has words for a person is printed; anything else goes on with its trace
        said = words(error) or _said(error)
        if said is None:
            raise
        print(f"error: {said}", file=sys.stderr)
        return EXIT_FAULT
    if code == EXIT_INTERRUPTED:
        print("interrupted", file=sys.stderr)
    return code


def _said(error: Exception) -> str | None:
    if isinstance(error, Fault):
        return error.user_message
    if not isinstance(error, TyperException):
        return None
    close = getattr(error, "possibilities", None)  # the options that a wrong one is like
    if close:
        said = f"{error.message}. Did you mean {', '.join(repr(each) for each in close)}?"
    else:
        said = error.format_message()
    context = getattr(error, "ctx", None)
    more = "" if context is None else f" {context.command_path} --help says more."
    said = " ".join(said.split())  # a list of choices comes on lines of its own
    return f"{said if said.endswith(('.', '?')) else said + '.'}{more}"
