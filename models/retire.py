"""Act: let a model version stand no more, and its training set with it."""

from dataclasses import asdict, dataclass
from typing import Any

from models.manifest import Manifest
from models.registry import ModelVersion, Registry
from models.tables import Tables


@dataclass(frozen=True, slots=True)
class RetireReport:
    """The version, its tag, and from how many tables the tag was taken: their snapshots may expire now."""

    version: ModelVersion
    tag: str | None
    unpinned: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def retire(tables: Tables, registry: Registry, name: str, version: str) -> RetireReport:
    """Retire the version, then take its tag off; safe to repeat. Raises ChampionStands for the champion."""
    retired = registry.retire(name, version)
    text = registry.manifest(retired)
    if text is None:
        return RetireReport(retired, None, 0)
    manifest = Manifest.from_json(text, f"training set of {name} version {version}")
    # The same artefact trained and registered anew goes by the same tag.
    if registry.registered(name, retired.digest) is not None:
        return RetireReport(retired, manifest.tag, 0)
    return RetireReport(retired, manifest.tag, tables.unpin(manifest.tag, list(manifest.tables)))
