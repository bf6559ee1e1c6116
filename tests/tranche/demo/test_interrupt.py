"""An interrupt ends the demo and every process that it started in time, at any stage; a second one does so at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import psutil
import pytest

from tests.conftest import CHECKOUT, with_kept_jars
from tests.soak import TIMES
from tests.tranche.processes import processes_of
from tranche.local.placement import home_of

pytestmark = pytest.mark.slow

STARTS_WITHIN_SECONDS = 600.0
ENDS_WITHIN_SECONDS = 10.0
STAGES = (
    ("runtime", "ingest") if TIMES == 1 else ("runtime", "publish", "spark", "ingest", "train", "decisions", "facts")
)


class RunningDemo:
    """A small demo in a process group of its own, as in a terminal, and every process that it was seen to start."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "out"
        environ = {**os.environ, "TRANCHE_VAR": str(with_kept_jars(folder))}
        command = [sys.executable, "-m", "tranche", "demo", "--borrowers", "200", "--buyers", "20"]
        with self.out.open("w") as out:
            self.process = subprocess.Popen(
                command, env=environ, cwd=CHECKOUT, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.family: set[psutil.Process] = set()
        Thread(target=self._look, daemon=True).start()

    def wait_for(self, stage: str) -> None:
        give_up = time.monotonic() + STARTS_WITHIN_SECONDS
        while f"\n{stage} " not in self.out.read_text():
            assert self.process.poll() is None, self.out.read_text()
            assert time.monotonic() < give_up, self.out.read_text()
            time.sleep(0.05)

    def left(self) -> list[str]:
        """Whatever is alive of it now, in words."""
        alive = []
        for process in self.family:
            with suppress(psutil.Error):
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    alive.append(" ".join(process.cmdline()))
        return alive

    def _look(self) -> None:
        with suppress(psutil.NoSuchProcess):
            demo = psutil.Process(self.process.pid)
            while self.process.returncode is None:
                self.family |= set(demo.children(recursive=True))
                time.sleep(0.05)


@contextmanager
def running(folder: Path) -> Iterator[RunningDemo]:
    demo = RunningDemo(folder)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            os.killpg(demo.process.pid, signal.SIGKILL)


@pytest.mark.parametrize("stage", STAGES)
def test_an_interrupt_ends_the_demo_in_time_and_leaves_no_process(stage: str, tmp_path: Path) -> None:
    with running(tmp_path) as demo:
        demo.wait_for(stage)
        time.sleep(1.0)  # into the midst of it

        began = time.monotonic()
        os.killpg(demo.process.pid, signal.SIGINT)
        code = demo.process.wait(60)

    assert (code, time.monotonic() - began < ENDS_WITHIN_SECONDS) == (130, True), demo.out.read_text()
    assert demo.family
    assert demo.left() == []
    assert processes_of(home_of(tmp_path / "demo" / "runtime")) == []
    assert not (tmp_path / "profile").exists()


def test_a_second_interrupt_kills_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as demo:
        demo.wait_for("runtime")
        time.sleep(1.0)

        os.killpg(demo.process.pid, signal.SIGTERM)
        time.sleep(0.1)
        began = time.monotonic()
        os.killpg(demo.process.pid, signal.SIGTERM)
        code = demo.process.wait(60)

    assert code == 130
    assert time.monotonic() - began < 4.0
    assert demo.left() == []
    assert processes_of(home_of(tmp_path / "demo" / "runtime")) == []
