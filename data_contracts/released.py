"""The released versions, as digests of their files; a recorded file may not change again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from data_contracts.catalog import FOLDER, files
from data_contracts.document import ContractFault

_RECORD = "released.json"


def digests(folder: Path = FOLDER) -> dict[str, str]:
    """The recorded digest of each released file, by its path in the folder; empty if nothing is recorded."""
    file = folder / _RECORD
    if not file.exists():
        return {}
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return found


def record_release(file: Path, folder: Path = FOLDER) -> None:
    """Record a released file."""
    known = digests(folder) | {_path(file, folder): _digest(file)}
    text = json.dumps(dict(sorted(known.items())), indent=1)
    (folder / _RECORD).write_text(f"{text}\n", encoding="utf-8")


def judge_released(folder: Path = FOLDER) -> Iterator[ContractFault]:
    """A fault for each released file that was changed, removed or never recorded."""
    known = digests(folder)
    there = {_path(file, folder): file for file in files(folder)}
    for path, file in there.items():
        if path not in known:
            name = file.parent.name
            yield ContractFault(file, 1, "(file)", f"is not recorded; `tranche contracts release {name}` records it")
        elif known[path] != _digest(file):
            yield ContractFault(file, 1, "(file)", "released versions are immutable; write next.odcs.yaml")
    for path in known:
        if path not in there:
            reason = "was released and is gone; released versions are immutable"
            yield ContractFault(folder / path, 1, "(file)", reason)


def _path(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()
