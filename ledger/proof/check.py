"""Checks of the books: SQL files that select one row for each fault, and none when the books are sound."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from ledger.migrate import PACKAGES


@dataclass(frozen=True, slots=True)
class CheckFault:
    """A fault found by a check: the name of the check, the entry, hold or account, and what is wrong."""

    check: str
    where: str
    detail: str


@dataclass(frozen=True, slots=True)
class Check:
    """A package's file `checks/NAME.sql`; its query returns the columns of a Fault."""

    package: str
    name: str
    sql: str


def check_files(packages: Iterable[str] = PACKAGES) -> tuple[Check, ...]:
    """Every check of these packages, ordered by package and name."""
    found: list[Check] = []
    for package in packages:
        folder = files(package) / "checks"
        if folder.is_dir():
            written = sorted(
                (each for each in folder.iterdir() if each.name.endswith(".sql")), key=lambda each: each.name
            )
            found += [Check(package, each.name.removesuffix(".sql"), each.read_text("utf-8")) for each in written]
    return tuple(found)
