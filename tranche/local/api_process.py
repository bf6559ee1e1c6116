"""The decision API as a separate process, started for a run and stopped by its process id."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from terminal.fault import Fault
from tranche.local.process import Running

STARTS_WITHIN_SECONDS = 30.0
STOPS_WITHIN_SECONDS = 10.0
KEPT = "kept.json"
"""The file in the demo's folder that describes an API left running after the demo."""


class ApiDidNotStart(Fault):
    """Raised when the API's process ended or did not answer; has the end of its output."""


class ApiProcess:
    """`tranche serve` on a free port of the loopback. Use as a context, or call `stop`."""

    def __init__(self, environ: Mapping[str, str], log: Path) -> None:
        self.log = log
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "tranche", "serve", "--port", str(self.port)]
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command, env=dict(environ), stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )

    def wait_until_ready(self) -> None:
        """Wait until the API answers that it is ready; raises ApiDidNotStart if it does not."""
        last = "no answer"
        give_up = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < give_up:
            if self.process.poll() is not None:
                raise ApiDidNotStart(f"the API ended with code {self.process.returncode}: {self._tail()}")
            try:
                answer = httpx.get(f"{self.address}/health/ready", timeout=2.0)
            except httpx.HTTPError as fault:
                last = str(fault) or type(fault).__name__
            else:
                if answer.status_code == httpx.codes.OK:
                    return
                last = f"{answer.status_code} {answer.text[:200]}"
            time.sleep(0.05)
        self.stop()
        raise ApiDidNotStart(f"the API was not ready after {STARTS_WITHIN_SECONDS:.0f} s ({last}): {self._tail()}")

    def stop(self) -> None:
        """Stop the process, if it still runs, and wait until it has ended."""
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOPS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def note(self, file: Path) -> None:
        """Leave it running, and write the file by which `stop_noted` identifies it."""
        running = Running.of(self.process.pid)
        file.write_text(json.dumps({"api": running.to_json() if running else None}))

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:]) or "it wrote nothing"


def stop_noted(file: Path) -> bool:
    """Stop the API that was left running with this file, by its process id; True if it ran."""
    if not file.exists():
        return False
    kept = Running.from_json(json.loads(file.read_text())["api"])
    ran = kept is not None and kept.is_alive
    if kept is not None:
        kept.stop(signal.SIGTERM, STOPS_WITHIN_SECONDS)
    file.unlink()
    return ran


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
