"""Let Ctrl-C or a termination end the demo in order and in time, with every process that it started.

The first one is raised as `KeyboardInterrupt`, so that each part stops what it has started. A second one, or the end of
the patience, kills all of it at once. A thread watches for both, because the main one may sit in a long call of C.
"""

import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import psutil

PATIENCE_SECONDS = 5.0
"""Leaves time to kill what is left within ten seconds of the first signal."""
EXIT_INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Watch:
    """Counts the signals as they come in, and keeps what descended from this process when the first one came."""

    def __init__(self, incoming: socket.socket, kill: Callable[[], None]) -> None:
        self._incoming = incoming
        self._kill = kill
        self._family: set[psutil.Process] = set()

    def run(self) -> None:
        until: float | None = None
        while True:
            wait = None if until is None else max(0.0, until - time.monotonic())
            readable, _, _ = select.select([self._incoming], [], [], wait)
            if not readable:
                self._end_at_once("not ended in time")
            numbers = self._incoming.recv(64)
            if not numbers:
                return  # the run is over, and was not interrupted
            came = sum(number in SIGNALS for number in numbers)
            if came and until is None:
                until = time.monotonic() + PATIENCE_SECONDS
                self._family |= _descendants()
                came -= 1
            if came:
                self._end_at_once("interrupted again")

    def end_what_is_left(self) -> None:
        """Kill what has not ended in order, also what lost its parent meanwhile."""
        left = [process for process in self._family | _descendants() if process.is_running()]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=1.0)

    def _end_at_once(self, why: str) -> None:
        sys.stderr.write(f"\n{why}: killing what was started\n")
        try:
            self._kill()
            self.end_what_is_left()
        finally:
            os._exit(EXIT_INTERRUPTED)


@contextmanager
def ended_in_order(kill: Callable[[], None]) -> Iterator[None]:
    """Run the block so; `kill` ends at once what is no descendant of this process. Only in the main thread."""
    incoming, wakes = socket.socketpair()
    wakes.setblocking(False)
    watch = _Watch(incoming, kill)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        # Once: whoever cleans up by then is not disturbed, the watch sees to a second one.
        for number in SIGNALS:
            signal.signal(number, lambda _number, _frame: None)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    woken = signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=watch.run, name="interrupts", daemon=True)
    thread.start()
    try:
        yield
    except KeyboardInterrupt:
        watch.end_what_is_left()
        sys.stdout.flush()
        sys.stderr.flush()
        # What libraries do at the end of the interpreter may take seconds, as they speak to a JVM that is gone.
        os._exit(EXIT_INTERRUPTED)
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        wakes.close()
        thread.join()
        incoming.close()


def _descendants() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))
