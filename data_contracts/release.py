"""Act: release a contract's next version: the proposal, unchanged, under the name of its version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data_contracts.catalog import FOLDER, files, load_contracts, proposed_contracts
from data_contracts.check import check_contracts
from data_contracts.released import digests, record_release
from terminal.fault import Fault


class ReleaseFault(Fault):
    """There is nothing to release, or it may not be released."""


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """The newly released files, by their paths in the folder."""

    released: tuple[str, ...]


def release_contract(name: str, folder: Path = FOLDER) -> ReleaseReport:
    """Rename the proposal of that contract to its version and record it, with any version not recorded yet.

    Raises ReleaseFault, and changes nothing, when the contract has a fault or there is nothing to release.
    """
    proposed = [file for file in proposed_contracts(folder) if file.parent.name == name]
    unrecorded = [
        file
        for file in files(folder)
        if file.parent.name == name and file.relative_to(folder).as_posix() not in digests(folder)
    ]
    if not proposed and not unrecorded:
        raise ReleaseFault(f"there is nothing to release of {name}: no next.odcs.yaml, and every version is recorded")
    of_this = [
        fault
        for fault in check_contracts(folder).faults
        if name in (fault.file.parent.name, fault.file.stem) and "is not recorded" not in fault.reason
    ]
    if of_this:
        raise ReleaseFault(f"{name} is not released: {of_this[0]}" + _and_more(len(of_this) - 1))
    for file in proposed:
        version = file.with_name(f"v{load_contracts(file).version}.odcs.yaml")
        file.rename(version)
        unrecorded.append(version)
    for file in unrecorded:
        record_release(file, folder)
    return ReleaseReport(tuple(file.relative_to(folder).as_posix() for file in unrecorded))


def _and_more(count: int) -> str:
    return f" (and {count} more; `tranche contracts check` tells them)" if count else ""
