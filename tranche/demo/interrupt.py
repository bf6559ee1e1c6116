"""End the demo on Ctrl-C or SIGTERM, in order and within a time limit, with every process that it started.

The first signal is raised as `KeyboardInterrupt`, so that each part stops what it has started. A second signal, or the
end of the time limit, kills everything at once. A thread watches for both, because the main thread may be in a long
call of C code.
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
"""Short enough to kill all remaining processes within ten seconds of the first signal."""
EXIT_INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Watch:
    """Counts the signals, and remembers the descendants of this process at the first one."""

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
        """Kill processes that have not ended in order, also those whose parent has ended meanwhile."""
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
    """Run the block with this handling, in the main thread; `kill` must end processes that are not our descendants."""
    incoming, wakes = socket.socketpair()
    wakes.setblocking(False)
    watch = _Watch(incoming, kill)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        # Raise only for the first signal, so that clean-up is not interrupted; the watch handles a second one.
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
        # Exit handlers of libraries may take seconds, because they try to reach a JVM that has ended.
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
