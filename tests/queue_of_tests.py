"""Several pytest processes share one run: each takes the next group of tests that no other has begun.

A group is a module, since what its tests share is made once for the module; the tests that look at the kept demo are
one group together. `infra/tests.sh` loads this plugin and sets the two variables below.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

# The folder in which a group is taken by the creation of a file, and what this process takes first.
FOLDER = "TRANCHE_TESTS_QUEUE"
FIRST = "TRANCHE_TESTS_FIRST"
SPARK, DEMO = "spark", "kept_demo"


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """As pytest's own loop, over the tests that this process takes."""
    if session.testsfailed or session.config.option.collectonly or FOLDER not in os.environ:
        return None
    queue = taken(in_order(groups(session.items), first=os.environ[FIRST]), Path(os.environ[FOLDER]))
    item = next(queue, None)
    while item is not None:
        # What comes next decides which fixtures end behind this test, so it has to be taken before.
        following = next(queue, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
    return True


def groups(items: Iterable[Any]) -> dict[str, list[Any]]:
    """The tests by the group in which they are taken."""
    found: dict[str, list[Any]] = {}
    for item in items:
        name = DEMO if DEMO in item.fixturenames else item.nodeid.partition("::")[0]
        found.setdefault(name, []).append(item)
    return found


def in_order(groups: dict[str, list[Any]], *, first: str) -> list[tuple[str, list[Any]]]:
    """What needs `first` comes first; what needs the other process's part comes last.

    One process goes through the groups from the end, so that they meet in the midst of those that need neither part.
    """

    def rank(group: tuple[str, list[Any]]) -> int:
        name, items = group
        if name == DEMO:
            needs = DEMO
        elif any(SPARK in item.fixturenames for item in items):
            needs = SPARK
        else:
            return 1
        return 0 if needs == first else 2

    both_ways = list(groups.items())
    return sorted(both_ways if first == SPARK else both_ways[::-1], key=rank)


def taken(queue: Iterable[tuple[str, list[Any]]], folder: Path) -> Iterator[Any]:
    """The tests of each group that this process is the first to take."""
    for name, items in queue:
        try:
            (folder / name.replace("/", "+")).touch(exist_ok=False)
        except FileExistsError:
            continue
        yield from items
