"""The demo says which resources it needs, and refuses a machine that clearly has too few."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tranche.demo import demo as demo_module
from tranche.demo.demo import DemoRequest, demo
from tranche.demo.needs import CLEARLY_TOO_LITTLE, GIB, Needs, Room, check_needs, room_at, words
from tranche.fault import RuntimeFault

NEEDS = Needs("3", memory=2 * GIB, disk=GIB)
JUST_ENOUGH = Room(int(2 * GIB * CLEARLY_TOO_LITTLE) + 1, int(GIB * CLEARLY_TOO_LITTLE) + 1)


def test_what_it_takes_is_said_beside_what_is_free() -> None:
    said = words(NEEDS, Room(3 * GIB, 4 * GIB))

    for part in ("3 minutes", "2.0 GiB of memory (3.0 GiB free)", "1.0 GiB of disk (4.0 GiB free)", "loopback"):
        assert part in said


def test_a_machine_that_may_just_do_is_not_refused() -> None:
    check_needs(NEEDS, JUST_ENOUGH)


@pytest.mark.parametrize(
    ("room", "said"),
    [
        pytest.param(Room(GIB, GIB), r"needs about 2\.0 GiB of memory and 1\.0 GiB is free: close", id="memory"),
        pytest.param(Room(3 * GIB, GIB // 2), r"1\.0 GiB of disk and 0\.5 GiB is free: .*TRANCHE_VAR", id="disk"),
    ],
)
def test_a_machine_with_clearly_too_little_is_refused(room: Room, said: str) -> None:
    with pytest.raises(RuntimeFault, match=said):
        check_needs(NEEDS, room)


def test_the_room_of_this_machine_is_found_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    room = room_at(tmp_path / "not" / "yet")

    assert 0 < room.disk < 1 << 60
    assert 0 < room.memory < 1 << 60


def test_a_demo_without_room_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_module, "room_at", lambda _: Room(1, 1))

    with pytest.raises(RuntimeFault, match="nothing was started"):
        demo(DemoRequest(), tmp_path / "demo", Console(file=StringIO()))

    assert not (tmp_path / "demo").exists()
