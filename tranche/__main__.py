"""The command line: `tranche <stage> <act>`. Each stage is also `python -m <stage> <act>`."""

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import typer

from tranche.fault import in_plain_words
from tranche.local.join_profile import join_current

EXIT_FAULT = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Stage:
    """A word after `tranche`: the module that answers to it, and what stands before the rest of its arguments."""

    name: str
    module: str
    meaning: str
    before: tuple[str, ...] = ()
    runs_beside_local: bool = True


STAGES = (
    Stage("local", "tranche.local.commands", "PostgreSQL, AWS endpoint and provider on this machine", (), False),
    Stage("use", "tranche.local.use", "which world commands work on: demo, local or another", (), False),
    Stage("provision", "tranche.provisioning.provision", "bucket, stream and databases, where they are missing"),
    Stage("contracts", "data_contracts.__main__", "what every record means"),
    Stage("pipelines", "pipelines.__main__", "stream to lake to features"),
    Stage("features", "features.__main__", "what each feature is"),
    Stage("models", "models.__main__", "features to model"),
    Stage("lending", "lending.__main__", "decisions and plans"),
    Stage("payments", "payments.__main__", "collection and reconciliation"),
    Stage("ledger", "ledger.__main__", "the books"),
    Stage("serving", "serving.__main__", "the decision API and replay"),
    Stage("serve", "serving.__main__", "the decision API: short for serving serve", ("serve",)),
    Stage("simulation", "simulation.__main__", "the world outside: shoppers, a provider, a bank"),
    Stage("demo", "tranche.demo.demo", "the whole path, once through", (), False),
    Stage("airflow", "tranche.local.airflow", "the path on a clock"),
    Stage("lab", "tranche.local.lab", "the notebooks in JupyterLab"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. What a person can put right is one line, not a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        print(help_text())
        return 0
    stage = next((stage for stage in STAGES if stage.name == arguments[0]), None)
    if stage is None:
        return _fault(f"there is no stage {arguments[0]!r}; tranche --help lists them")
    try:
        if stage.runs_beside_local:
            join_current(stage.name, arguments[1:])
        return _run(stage, [*stage.before, *arguments[1:]])
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        words = in_plain_words(error)
        if words is None:
            raise
        return _fault(words)


def acts(stage: Stage) -> dict[str, str]:
    """The acts of a stage with the first line of their description; empty where the stage is one command."""
    if find_spec(stage.module) is None:
        return {}
    app = getattr(importlib.import_module(stage.module), "app", None)
    if stage.before or not isinstance(app, typer.Typer):
        return {}
    if len(app.registered_commands) == 1 and app.registered_callback is None:
        return {}  # its one act needs no name
    found = {}
    for command in app.registered_commands:
        callback = command.callback
        name = command.name or (callback.__name__.replace("_", "-") if callback else "")
        described = command.help or (callback.__doc__ if callback else None) or ""
        found[name] = described.strip().split("\n")[0]
    return found


def help_text() -> str:
    """Every stage and act."""
    lines = ["usage: tranche <stage> <act> [options]      (tranche <stage> <act> --help says more)", ""]
    for stage in STAGES:
        lines.append(f"{stage.name:<12}{stage.meaning}")
        lines += [f"    {name:<22}{meaning}" for name, meaning in acts(stage).items()]
    return "\n".join(lines)


def _run(stage: Stage, arguments: list[str]) -> int:
    try:
        return _exit_code(importlib.import_module(stage.module).main(arguments))
    except (SystemExit, typer.Exit) as leaving:
        return _exit_code(leaving.code if isinstance(leaving, SystemExit) else leaving.exit_code)
    except typer.Abort:
        return EXIT_INTERRUPTED
    except Exception as error:
        # The command line's own errors, such as a wrong option, can show themselves.
        show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
        if not callable(show) or not isinstance(code, int):
            raise
        show()
        return code


def _exit_code(code: Any) -> int:
    if code is None:
        return 0
    return code if isinstance(code, int) else _fault(str(code))


def _fault(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return EXIT_FAULT


if __name__ == "__main__":
    sys.exit(main())
