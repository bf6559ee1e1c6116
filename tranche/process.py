"""A program of the local runtime that outlives the command that started it, known by process id and birth time."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

# The birth time guards against a process id that the system has given to another program since.
_SAME_BIRTH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Running:
    """A started program; `born` in seconds since the epoch."""

    pid: int
    born: float

    @classmethod
    def of(cls, pid: int) -> "Running | None":
        """The process that has this id now; None when there is none."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    @classmethod
    def from_json(cls, value: Any) -> "Running | None":
        return cls(int(value["pid"]), float(value["born"])) if value else None

    def to_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "born": self.born}

    def process(self) -> psutil.Process | None:
        """The live process, or None when it has ended, also when it only waits to be reaped."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.born) > _SAME_BIRTH_SECONDS:
                return None
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.NoSuchProcess:
            return None
        return process

    @property
    def is_alive(self) -> bool:
        return self.process() is not None

    def stop(self, signal_number: int, patience_seconds: float) -> None:
        """Ask it to end, wait, and kill it when it does not. Its children are ended with it."""
        process = self.process()
        if process is None:
            return
        family = [process, *_children(process)]
        try:
            process.send_signal(signal_number)
        except psutil.NoSuchProcess:
            return
        _, alive = psutil.wait_procs(family, timeout=patience_seconds)
        for each in alive:
            each.kill()
        psutil.wait_procs(alive, timeout=patience_seconds)


def start(
    module: str, arguments: Sequence[str], *, environ: Mapping[str, str], log: Path, cwd: Path | None = None
) -> Running:
    """Start `python -m module` on its own session, so that a Ctrl-C in the terminal does not end it."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=cwd,
        )
    started = Running.of(child.pid)
    if started is None:
        raise ChildProcessError(f"{module} ended at once; see {log}")
    # The command that started it ends before it does: nobody is left to be told of its end.
    child.returncode = 0
    return started


def wait_until(condition: Any, *, seconds: float, every: float = 0.05) -> bool:
    """Ask again and again until `condition()` is true; False when the time is over first."""
    end = time.monotonic() + seconds
    while True:
        if condition():
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(every)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
