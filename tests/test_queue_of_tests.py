"""Two processes that share a queue run each test once, and each begins with what needs its own part."""

from dataclasses import dataclass
from pathlib import Path

from tests.queue_of_tests import DEMO, SPARK, groups, in_order, taken


@dataclass(frozen=True)
class Item:
    """What the queue knows of a test."""

    nodeid: str
    fixturenames: tuple[str, ...] = ()


ITEMS = [
    Item("dags/test_dags.py::parse"),
    Item("dags/test_dags.py::run", ("kept_demo",)),
    Item("journeys/test_world.py::adds_up", ("kept_demo",)),
    Item("ledger/test_money.py::split"),
    Item("ledger/test_money.py::add"),
    Item("pipelines/test_curate.py::gate", ("spark", "tmp_path")),
    Item("serving/test_app.py::answers"),
]


def begun(folder: Path, first: str) -> list[str]:
    """In which order a process that is alone takes the tests."""
    return [item.nodeid.partition("::")[2] for item in taken(in_order(groups(ITEMS), first=first), folder)]


def test_each_process_begins_with_what_needs_its_part_and_leaves_the_others_part_to_the_last(tmp_path: Path) -> None:
    orders = {}
    for first in (SPARK, DEMO):
        (tmp_path / first).mkdir()
        orders[first] = begun(tmp_path / first, first)

    assert orders == {
        SPARK: ["gate", "parse", "split", "add", "answers", "run", "adds_up"],
        DEMO: ["run", "adds_up", "answers", "split", "add", "parse", "gate"],
    }


def test_two_processes_take_each_test_once_and_the_tests_of_a_module_together(tmp_path: Path) -> None:
    one, other = (taken(in_order(groups(ITEMS), first=first), tmp_path) for first in (SPARK, DEMO))
    by_one: list[Item] = []
    by_other: list[Item] = []
    while True:
        ahead = [next(one, None), next(other, None), next(other, None)]
        by_one += filter(None, ahead[:1])
        by_other += filter(None, ahead[1:])
        if not any(ahead):
            break

    assert sorted(item.nodeid for item in by_one + by_other) == sorted(item.nodeid for item in ITEMS)
    for name, items in groups(ITEMS).items():
        assert len({item in by_one for item in items}) == 1, name
    assert by_one
    assert by_other
