"""Act: retire a model version, and release the snapshots of its training set."""

from dataclasses import asdict, dataclass
from typing import Any

from models.manifest import Manifest
from models.registry import ModelVersion, Registry
from models.tables import TrainingTables


@dataclass(frozen=True, slots=True)
class RetireReport:
    """The retired version, its tag, and the number of tables whose tagged snapshots may now expire."""

    version: ModelVersion
    tag: str | None
    unpinned: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def retire(tables: TrainingTables, registry: Registry, name: str, version: str) -> RetireReport:
    """Retire the version, then remove its tag. Idempotent. Raises ChampionStands for the champion."""
    retired = registry.retire(name, version)
    text = registry.manifest(retired)
    if text is None:
        return RetireReport(retired, None, 0)
    manifest = Manifest.from_json(text, f"training set of {name} version {version}")
    # The same artefact, registered again as a new version, uses the same tag.
    if registry.registered(name, retired.digest) is not None:
        return RetireReport(retired, manifest.tag, 0)
    return RetireReport(retired, manifest.tag, tables.unpin(manifest.tag, list(manifest.tables)))
