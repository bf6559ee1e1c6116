"""`tranche local`: the acts of the local runtime as commands."""

import sys
from collections.abc import Iterator
from dataclasses import asdict

from terminal.command_line import stage
from terminal.report import Report, reporting
from tranche.local.runtime import LocalRuntime, PartStatus
from tranche.settings import Settings

app = stage("PostgreSQL, AWS endpoint, provider: on loopback.")


@app.command()
@reporting()
def up() -> Report:
    """Start what is not running, repair what crashed; nothing when all is well."""
    report = _runtime().bring_up(_say)

    def shown() -> Iterator[str]:
        for line in report.repaired:
            yield f"repaired  {line}"
        yield f"started   {', '.join(report.started) or 'nothing: all was running'}"
        for name, value in report.environment.items():
            yield f"  {name}={value}"

    return Report(report, shown())


@app.command()
@reporting("name", "state", "address", "pid")
def status() -> Report:
    """What runs, what is down, what has crashed; exit code 1 unless everything runs."""
    parts = _runtime().status()
    tree = {"parts": [asdict(part) for part in parts]}

    def shown() -> Iterator[str]:
        for part in parts:
            yield f"{part.name:<10}{part.state:<9}{part.address or ''}{f'  pid {part.pid}' if part.pid else ''}"
        if any(part.state == "crashed" for part in parts):
            yield "repair it with: tranche local up"

    return Report(tree, shown(), tree["parts"], 0 if _all_up(parts) else 1)


@app.command()
@reporting()
def down() -> Report:
    """Stop everything; the data stays."""
    stopped = _runtime().down(_say)
    return Report({"stopped": stopped}, [f"stopped   {', '.join(stopped) or 'nothing: nothing ran'}"])


@app.command()
@reporting()
def reset() -> Report:
    """Stop everything and remove all data of the local runtime."""
    runtime = _runtime()
    runtime.reset(_say)
    return Report({"removed": runtime.folder}, [f"removed   {runtime.folder}"])


def _runtime() -> LocalRuntime:
    return LocalRuntime(Settings.from_environment().local_folder)


def _say(step: str) -> None:
    print(f"… {step}", file=sys.stderr)


def _all_up(parts: tuple[PartStatus, ...]) -> bool:
    return all(part.state == "up" for part in parts)
