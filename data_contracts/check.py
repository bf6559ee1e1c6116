"""Act: read every contract of a folder and report all its faults, file by file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from data_contracts.catalog import FOLDER, files, proposed_contracts
from data_contracts.compatibility import refusal
from data_contracts.contract import Contract
from data_contracts.document import ContractFault
from data_contracts.reader import PROPOSAL, ContractReading, read_contract
from data_contracts.released import judge_released
from data_contracts.sample_faults import judge_samples
from data_contracts.samples import samples_file


@dataclass(frozen=True, slots=True)
class CheckReport:
    """How many files and contracts were read, and every fault, in the order of files and lines."""

    files: int
    contracts: int
    faults: tuple[ContractFault, ...]


def check_contracts(folder: Path = FOLDER) -> CheckReport:
    """Check every file, each version of a contract against the one before it, and the samples."""
    readings = [read_contract(file) for file in [*files(folder), *proposed_contracts(folder)]]
    by_folder: dict[Path, list[ContractReading]] = {}
    for reading in readings:
        by_folder.setdefault(reading.file.parent, []).append(reading)
    faults = [fault for reading in readings for fault in reading.faults]
    faults += _of_names(readings)
    faults += _of_tables(readings)
    for found in by_folder.values():
        faults += _of_versions(found)
        faults += _of_samples(found, folder)
    faults += _of_stray_samples(by_folder, folder)
    faults += judge_released(folder)
    if not readings:
        faults.append(ContractFault(folder, 1, "(folder)", "holds no contract"))
    return CheckReport(
        len(readings), len(by_folder), tuple(sorted(faults, key=lambda fault: (str(fault.file), fault.line)))
    )


def _told(readings: Iterable[ContractReading]) -> Iterator[tuple[ContractReading, Contract]]:
    return ((reading, reading.contract) for reading in readings if reading.contract is not None)


def _of_names(readings: list[ContractReading]) -> Iterator[ContractFault]:
    """A contract has the name of its folder, and no other contract has that name."""
    folders: dict[str, Path] = {}
    for reading, contract in _told(readings):
        home = reading.file.parent
        if contract.name != home.name:
            yield ContractFault(reading.file, 1, "name", f"{contract.name!r} lies in the folder of {home.name!r}")
        if folders.setdefault(contract.name, home) != home:
            what = f"event type {contract.event_type}" if contract.raw_table else "the name"
            yield ContractFault(reading.file, 1, "name", f"{what} is already that of {folders[contract.name]}")


def _of_tables(readings: list[ContractReading]) -> Iterator[ContractFault]:
    """A table holds the rows of one contract."""
    owners: dict[str, str] = {}
    for reading, contract in _told(readings):
        for field, table in (("table", contract.table), ("curatedTable", contract.curated_table)):
            if table is not None and owners.setdefault(table, contract.name) != contract.name:
                reason = f"{table} is already the table of {owners[table]}"
                yield ContractFault(reading.file, reading.lines[field], field, reason)


def _of_versions(readings: list[ContractReading]) -> Iterator[ContractFault]:
    """Each version may replace the one before it, and a proposal is newer than every released version."""
    told = list(_told(readings))
    released = sorted((each for each in told if each[0].file.name != PROPOSAL), key=lambda each: each[1].version)
    proposed = [each for each in told if each[0].file.name == PROPOSAL]
    for (_, old), (reading, new) in pairwise([*released, *proposed]):
        if reason := refusal(old, new):
            yield ContractFault(reading.file, reading.lines["version"], "version", reason)


def _of_samples(readings: list[ContractReading], folder: Path) -> Iterator[ContractFault]:
    told = list(_told(readings))
    released = [each for each in told if each[0].file.name != PROPOSAL]
    newest = sorted(released, key=lambda each: each[1].version)[-1:]
    proposed = [each for each in told if each[0].file.name == PROPOSAL]
    judged = [(contract, reading.file, reading.lines) for reading, contract in [*newest, *proposed]]
    return judge_samples(judged, folder) if judged else iter(())


def _of_stray_samples(by_folder: dict[Path, list[ContractReading]], folder: Path) -> Iterator[ContractFault]:
    """Sample files without a contract."""
    known = {samples_file(home.name, folder) for home in by_folder}
    for file in sorted((folder / "samples").glob("*.json")):
        if file not in known:
            yield ContractFault(file, 1, "(file)", f"there is no contract {file.stem}")
