"""Registry and lake tables in memory, for tests and examples."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.manifest import MANIFEST_FILE
from models.registry import ChampionStands, ModelVersion, Run, UnknownVersion
from models.tables import LakeFault, TableReading

if TYPE_CHECKING:
    import pandas as pd


class MemoryRegistry:
    """A Registry that lasts as long as the process."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self._versions: list[tuple[ModelVersion, Path]] = []
        self._retired: set[ModelVersion] = set()
        self._champions: dict[str, ModelVersion] = {}

    def record(self, run: Run) -> ModelVersion:
        self.runs.append(run)
        if known := self.registered(run.name, run.digest):
            return known
        number = 1 + sum(known.name == run.name for known, _ in self._versions)
        registered = ModelVersion(run.name, str(number), f"m-{run.digest[:12]}", f"run-{len(self.runs)}", run.digest)
        self._versions.append((registered, run.artefact))
        return registered

    def registered(self, name: str, digest: str) -> ModelVersion | None:
        found = (known for known, _ in self._versions if (known.name, known.digest) == (name, digest))
        return next((known for known in found if known not in self._retired), None)

    def version(self, name: str, version: str | None = None) -> ModelVersion:
        for known, _ in reversed(self._versions):
            if known.name == name and version in (None, known.version) and known not in self._retired:
                return known
        raise UnknownVersion(f"no version {version or ''} of model {name} is registered".replace("  ", " "))

    def champion(self, name: str) -> ModelVersion | None:
        return self._champions.get(name)

    def crown(self, version: ModelVersion) -> None:
        self._champions[version.name] = self.version(version.name, version.version)

    def fetch(self, version: ModelVersion, target: Path) -> None:
        shutil.copytree(self._files(version), target)

    def standing(self, name: str) -> list[ModelVersion]:
        return [known for known, _ in self._versions if known.name == name and known not in self._retired]

    def names(self) -> list[str]:
        return sorted({known.name for known, _ in self._versions})

    def manifest(self, version: ModelVersion) -> str | None:
        path = self._files(version) / MANIFEST_FILE
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def amend(self, version: ModelVersion, manifest: str) -> None:
        (self._files(version) / MANIFEST_FILE).write_text(manifest, encoding="utf-8")

    def retire(self, name: str, version: str) -> ModelVersion:
        for known, _ in self._versions:
            if (known.name, known.version) == (name, version):
                if self.champion(name) == known:
                    raise ChampionStands(known)
                self._retired.add(known)
                return known
        raise UnknownVersion(f"no version {version} of model {name} is registered")

    def _files(self, version: ModelVersion) -> Path:
        (folder,) = (artefact for known, artefact in self._versions if known == version)
        return folder


class MemoryTrainingTables:
    """Tables over frames by table name. `write` makes a new snapshot; `expire` keeps those with a tag."""

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self._snapshots: dict[str, dict[int, pd.DataFrame]] = {table: {1: frame} for table, frame in frames.items()}
        self._tags: dict[str, dict[str, int]] = {table: {} for table in frames}

    def write(self, table: str, frame: pd.DataFrame) -> None:
        """Replace the table's rows, in a new snapshot."""
        self._snapshots[table][max(self._snapshots[table]) + 1] = frame

    def expire(self) -> None:
        """Drop every snapshot that is neither the newest nor tagged."""
        for table, snapshots in self._snapshots.items():
            named = {max(snapshots), *self._tags[table].values()}
            self._snapshots[table] = {number: frame for number, frame in snapshots.items() if number in named}

    def read(self, table: str, columns: Sequence[str], snapshot_id: int | None = None) -> TableReading:
        if table not in self._snapshots:
            raise LakeFault(f"{table} does not exist")
        number = max(self._snapshots[table]) if snapshot_id is None else snapshot_id
        if number not in self._snapshots[table]:
            raise LakeFault(f"{table} has no snapshot {number} any more")
        return TableReading(table, number, schema_id=0, frame=self._snapshots[table][number][list(columns)])

    def pin(self, tag: str, snapshots: Mapping[str, int]) -> None:
        for table, number in snapshots.items():
            if number not in self._snapshots[table]:
                raise LakeFault(f"{table} lost snapshot {number}; train again")
            self._tags[table][tag] = number

    def pinned(self, tag: str, tables: Sequence[str]) -> dict[str, int]:
        return {table: self._tags[table][tag] for table in tables if tag in self._tags[table]}

    def unpin(self, tag: str, tables: Sequence[str]) -> int:
        return sum(self._tags[table].pop(tag, None) is not None for table in tables)
