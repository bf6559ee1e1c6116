"""A program that keeps running after the command that started it, identified by process id and start time."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from tranche.fault import RuntimeFault
from tranche.settings import inherited

# The start time distinguishes it from another program that was given the same process id later.
_SAME_BIRTH_SECONDS = 1.0
START_SECONDS = 30.0
PORT_TRIES = 5


@dataclass(frozen=True, slots=True)
class Running:
    """A started program; `born` is its start time in seconds since the epoch."""

    pid: int
    born: float

    @classmethod
    def of(cls, pid: int) -> "Running | None":
        """The process that has this id now; None if there is none."""
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
        """The running process, or None if it has ended, even if it is a zombie."""
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
        """Signal it to end, wait, and kill it if it does not; all its descendants are ended too.

        Descendants are collected repeatedly meanwhile, because one whose parent has ended can no longer be found.
        """
        process = self.process()
        if process is None:
            return
        family = _grown({process})
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal_number)
        end = time.monotonic() + patience_seconds
        while family:
            _, alive = psutil.wait_procs(family, timeout=0.1)
            family = _grown(set(alive))
            # Descendants that are left after it has ended serve no purpose, so kill them.
            if time.monotonic() > end or process not in family:
                for each in family:
                    with suppress(psutil.NoSuchProcess):
                        each.kill()


def start_module(
    module: str,
    arguments: Sequence[str],
    *,
    log: Path,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Running:
    """Start `python -m module` as `start_program` does."""
    return start_program([sys.executable, "-m", module, *arguments], log=log, environ=environ, cwd=cwd)


def start_program(
    command: Sequence[str],
    *,
    log: Path,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
) -> Running:
    """Start a program in a session of its own, so that a Ctrl-C in the terminal does not end it."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            env=inherited(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=cwd,
            user=user,
        )
    started = Running.of(child.pid)
    if started is None:
        raise ChildProcessError(f"{command[0]} ended at once; see {log}")
    # This command ends before the child does and never waits for it; a return code suppresses Popen's warning.
    child.returncode = 0
    return started


def start_on_a_port(
    launch: Callable[[int], Running], is_ready: Callable[[int], bool], remembered: int | None, *, log: Path
) -> tuple[Running, int]:
    """Start a server on the remembered port, or else on a free one; raises RuntimeFault if it never gets ready."""
    port = remembered if remembered and is_free(remembered) else free_port()
    for _ in range(PORT_TRIES):
        running = launch(port)
        try:
            wait_until(partial(_ready_or_ended, running, is_ready, port), seconds=START_SECONDS)
        except BaseException:  # also an interrupt: the server is not recorded yet, so nothing else would stop it
            running.stop(signal.SIGKILL, 5)
            raise
        if running.is_alive and is_ready(port):
            return running, port
        running.stop(signal.SIGKILL, 5)
        port = free_port()  # another program took the port between the check and the start
    raise RuntimeFault(f"a server of the local runtime does not start; see {log}")


def wait_until(condition: Callable[[], bool], *, seconds: float, every: float = 0.05) -> bool:
    """Poll until `condition()` is true; False after the time limit."""
    end = time.monotonic() + seconds
    while True:
        if condition():
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(every)


def answers(address: str, seconds: float = 2.0) -> bool:
    """Whether a GET of this address is answered with 200 in time."""
    import httpx

    try:
        with httpx.Client(trust_env=False, timeout=seconds) as http:
            return http.get(address).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def free_port() -> int:
    """A port of the loopback address that is currently free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether this port of the loopback address is currently free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _ready_or_ended(running: Running, is_ready: Callable[[int], bool], port: int) -> bool:
    return not running.is_alive or is_ready(port)


def _grown(family: set[psutil.Process]) -> set[psutil.Process]:
    """The processes with all their current descendants."""
    grown = set(family)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            grown.update(process.children(recursive=True))
    return grown
