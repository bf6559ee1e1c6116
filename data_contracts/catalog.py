"""Finds and loads the contracts of a folder; `reader` reads the single file."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from data_contracts.contract import Contract
from data_contracts.document import ContractFault
from data_contracts.reader import PROPOSAL, read_contract

__all__ = ["FOLDER", "ContractFault", "contract", "contracts", "event_contracts", "files", "load_contracts", "versions"]

FOLDER = Path(__file__).parent

# In turn: records on the stream or in a file, tables of the lake, feature vectors, payloads of an API.
LAYERS = {"events": "events/*", "tables": "tables/*/*", "features": "features/*", "api": "api/*"}


def files(folder: Path = FOLDER, name: str = "v*.odcs.yaml") -> list[Path]:
    """The released files of every contract; with the name of a proposal, the proposals."""
    return sorted(file for place in LAYERS.values() for file in folder.glob(f"{place}/{name}"))


def proposed_contracts(folder: Path = FOLDER) -> list[Path]:
    """The files of versions that are not released yet."""
    return files(folder, PROPOSAL)


@cache
def contracts(folder: Path = FOLDER) -> dict[str, Contract]:
    """The newest released version of every contract, by name."""
    return {name: released[-1] for name, released in _released(folder).items()}


def contract(name: str) -> Contract:
    """The newest contract of that name; an unknown name raises KeyError, which lists the known ones."""
    known = contracts()
    if name not in known:
        raise KeyError(f"no contract {name!r}; there are {', '.join(sorted(known))}")
    return known[name]


def versions(name: str, folder: Path = FOLDER) -> tuple[Contract, ...]:
    """Every released version of that contract, oldest first; none for an unknown name."""
    return _released(folder).get(name, ())


def event_contracts() -> dict[str, Contract]:
    """The contracts of the events on the stream, by event type."""
    return {found.event_type: found for found in contracts().values() if found.raw_table is not None}


def load_contracts(file: Path) -> Contract:
    """Read one contract; anything missing or misspelt raises the first ContractFault."""
    reading = read_contract(file)
    if reading.contract is None:
        raise reading.faults[0]
    return reading.contract


@cache
def _released(folder: Path) -> dict[str, tuple[Contract, ...]]:
    return versions_by_name(load_contracts(file) for file in files(folder))


def versions_by_name(found: Iterable[Contract]) -> dict[str, tuple[Contract, ...]]:
    """The versions of each contract, oldest first, by name in the order of the files."""
    by_name: dict[str, list[Contract]] = {}
    for each in found:
        by_name.setdefault(each.name, []).append(each)
    return {name: tuple(sorted(each, key=lambda one: one.version)) for name, each in by_name.items()}
