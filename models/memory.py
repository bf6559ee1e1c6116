"""Registry and lake tables in memory, for tests and examples."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.registry import ModelVersion, Run, UnknownVersion
from models.tables import LakeFault, Reading


class MemoryRegistry:
    """Runs and versions for as long as the process lives."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self._versions: list[tuple[ModelVersion, Path]] = []
        self._champions: dict[str, ModelVersion] = {}

    def record(self, run: Run) -> ModelVersion:
        self.runs.append(run)
        for known, _ in self._versions:
            if (known.name, known.digest) == (run.name, run.digest):
                return known
        number = 1 + sum(known.name == run.name for known, _ in self._versions)
        registered = ModelVersion(run.name, str(number), f"m-{run.digest[:12]}", f"run-{len(self.runs)}", run.digest)
        self._versions.append((registered, run.artefact))
        return registered

    def version(self, name: str, version: str | None = None) -> ModelVersion:
        for known, _ in reversed(self._versions):
            if known.name == name and version in (None, known.version):
                return known
        raise UnknownVersion(f"no version {version or ''} of model {name} is registered".replace("  ", " "))

    def champion(self, name: str) -> ModelVersion | None:
        return self._champions.get(name)

    def crown(self, version: ModelVersion) -> None:
        self._champions[version.name] = self.version(version.name, version.version)

    def fetch(self, version: ModelVersion, target: Path) -> None:
        (source,) = (artefact for known, artefact in self._versions if known == version)
        shutil.copytree(source, target)


class MemoryTables:
    """Frames under the names of lake tables."""

    def __init__(self, frames: Mapping[str, Any]) -> None:
        self._frames = dict(frames)

    def read(self, table: str, columns: Sequence[str]) -> Reading:
        if table not in self._frames:
            raise LakeFault(f"{table} does not exist")
        return Reading(table, snapshot_id=1, schema_id=0, frame=self._frames[table][list(columns)])
