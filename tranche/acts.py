"""The acts of every stage with the first line of their help, from a stored table, so that listing them loads no stage.

`python -m tranche.acts` regenerates the table from the stages.
"""

import tomllib
from pathlib import Path

from typer.core import TyperGroup

from terminal.command_line import meanings
from tranche.stage import STAGES, Stage

TABLE = Path(__file__).with_name("acts.toml")


def acts() -> dict[str, dict[str, str]]:
    """The acts of each stage by name; empty for a stage that is a single command."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def acts_in_code(stage: Stage) -> dict[str, str]:
    """The acts of a stage, read from its module."""
    command = stage.command()
    return meanings(command) if isinstance(command, TyperGroup) else {}


def help_text() -> str:
    """The help text with every stage and act."""
    known = acts()
    width = max(len(name) for stage in known.values() for name in stage) + 2
    lines = ["usage: tranche <stage> <act> [options]      (tranche <stage> <act> --help says more)", ""]
    for stage in STAGES:
        lines.append(f"{stage.name:<12}{stage.meaning}")
        lines += [f"    {name:<{width}}{meaning}" for name, meaning in known[stage.name].items()]
    options = (
        ("--version", "the version that is installed"),
        ("--install-completion", "let bash, zsh or fish complete stages, acts and options"),
        ("--show-completion", "print what --install-completion would install"),
    )
    lines += ["", *(f"{name:<{width + 4}}{meaning}" for name, meaning in options)]
    return "\n".join(lines) + "\n"


def acts_table() -> str:
    """The text of the table, generated from the stages."""
    lines = ["# Written by: python -m tranche.acts"]
    for stage in STAGES:
        lines += ["", f"[{stage.name}]"]
        lines += [f"{name} = {_quoted(meaning)}" for name, meaning in acts_in_code(stage).items()]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    TABLE.write_text(acts_table(), encoding="utf-8")
