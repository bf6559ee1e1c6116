"""Runs acts in processes of their own, which kill themselves with SIGKILL before a given step.

A step is whatever leaves the process: BEGIN, each SQL statement, COMMIT; a charge or refund that comes to the provider;
a file that gets its name. A death before one is a death behind the last.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg

from simulation.book import Book


@dataclass(frozen=True, slots=True)
class Killed:
    """The process ended by its own SIGKILL, before this step."""

    step: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The act came to its end before the step that was to kill it."""


def run_killed(act: Callable[[], object], step: int | None) -> Killed | Ended:
    """Run an act in a forked process that dies before its `step`-th step, from 1; None for never."""
    (end,) = run_beside([(act, step)])
    return end


def run_beside(acts: Sequence[tuple[Callable[[], object], int | None]]) -> list[Killed | Ended]:
    """Run several at once, each in a process of its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    pids = [_fork(act, step) for act, step in acts]
    return [_end_of(pid, step) for pid, (_, step) in zip(pids, acts, strict=True)]


def _fork(act: Callable[[], object], step: int | None) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:  # the child: nothing of pytest may run in it, whatever happens
        _die_before(step)
        act()
        os._exit(0)
    except BaseException:  # noqa: BLE001  # the parent fails with its words
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _end_of(pid: int, step: int | None) -> Killed | Ended:
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), f"the act failed with {code}"
    if code == 0:
        return Ended()
    assert step is not None, "killed by somebody else"
    return Killed(step)


def _die_before(step: int | None) -> None:
    """Let this process die at its `step`-th step: to the database, to the provider's book, or into a folder."""
    seen = count(1)

    def counted(doing: Callable[..., Any]) -> Callable[..., Any]:
        def done(*given: Any, **named: Any) -> Any:
            if next(seen) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return doing(*given, **named)

        return done

    psycopg.Connection.wait = counted(psycopg.Connection.wait)  # type: ignore[method-assign]
    Book.append = counted(Book.append)  # type: ignore[method-assign]
    os.replace = counted(os.replace)
