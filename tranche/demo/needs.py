"""The resources that the demo needs: shown before it begins, which it refuses if there are clearly too few."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from tranche.fault import RuntimeFault
from tranche.report.wording import count

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Needs:
    """`minutes` on two otherwise idle current cores; `memory` and `disk`: the peak use in bytes."""

    minutes: str
    memory: int
    disk: int


NEEDS = {
    "seeded": Needs("3 to 7", int(2.5 * GIB), int(1.5 * GIB)),
    "berka": Needs("4 to 9", int(2.5 * GIB), int(1.5 * GIB)),
    "online_retail": Needs("4 to 9", int(2.5 * GIB), int(1.5 * GIB)),
}
"""The needs by source."""
CLEARLY_TOO_LITTLE = 0.6
"""The share of its needs with which the demo may still succeed; it refuses to begin with less."""


@dataclass(frozen=True, slots=True)
class Room:
    """The free memory and disk space of the machine, in bytes."""

    memory: int
    disk: int


def room_at(folder: Path) -> Room:
    """The available memory, within a container's limit, and the free space at the folder."""
    there = next(each for each in (folder, *folder.parents) if each.is_dir())
    return Room(min(psutil.virtual_memory().available, _left_in_the_container()), shutil.disk_usage(there).free)


def check_needs(needs: Needs, room: Room) -> None:
    """Raise RuntimeFault if memory or disk are clearly too small."""
    for what, need, free, cure in (
        ("memory", needs.memory, room.memory, "close other programs, or run it on a larger machine"),
        ("disk", needs.disk, room.disk, "make room, or say with TRANCHE_VAR and TRANCHE_STATE_DIR where there is more"),
    ):
        if free < CLEARLY_TOO_LITTLE * need:
            raise RuntimeFault(
                f"the demo needs about {_gib(need)} of {what} and {_gib(free)} is free: {cure}; nothing was started"
            )


def words(needs: Needs, room: Room) -> str:
    """One paragraph on needs and free resources, for the person who started the demo."""
    return (
        f"takes {needs.minutes} minutes on 2 free cores, up to {_gib(needs.memory)} of memory ({_gib(room.memory)} "
        f"free) and {_gib(needs.disk)} of disk ({_gib(room.disk)} free), and 3 ports on loopback alone; the first "
        f"run fetches {count(110)} MB of Java artefacts and readies Spark for half a minute. "
        "Ctrl-C ends it and all it started"
    )


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"


def _left_in_the_container() -> int:
    """The memory left in this control group; without one, a number larger than any machine's memory."""
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        reclaimable = sum(
            int(line.split()[1])
            for line in (group / "memory.stat").read_text().splitlines()
            if line.startswith("inactive_file ")
        )
    except (OSError, ValueError):
        return 1 << 62
    return limit - used + reclaimable
