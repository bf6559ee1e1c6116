"""Act: make a registered version the champion that serving loads."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models import artefact, export
from models.artefact import ArtefactDamaged, Registration
from models.registry import ModelVersion, Registry


@dataclass(frozen=True, slots=True)
class PromoteReport:
    """The new champion, and the previous one if another version was champion."""

    champion: ModelVersion
    before: ModelVersion | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def promote(registry: Registry, models_dir: Path, name: str, version: str | None = None) -> PromoteReport:
    """Promote a version, by default the newest: verify its artefact, set the alias, then switch serving to it.

    The artefact is fetched from the registry when this machine lacks it. Promoting the champion again changes nothing.
    """
    chosen = registry.version(name, version)
    folder = models_dir / chosen.digest
    if not folder.is_dir():
        models_dir.mkdir(parents=True, exist_ok=True)
        registry.fetch(chosen, folder)
    model = artefact.load_model(folder)
    if model.digest != chosen.digest:
        raise ArtefactDamaged(folder, f"version {chosen.version} should be {chosen.digest}, this is {model.digest}")
    before = registry.champion(name)
    registry.crown(chosen)
    export.write_registration(models_dir, chosen.digest, Registration(chosen.version, chosen.model_id, chosen.run_id))
    export.replace_file(models_dir / artefact.CHAMPION_FILE, chosen.digest + "\n")
    return PromoteReport(chosen, before if before != chosen else None)
