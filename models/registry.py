"""Port: where training runs and model versions are kept, and which version is the champion."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from models.tables import Reading
from terminal.fault import Fault

CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Run:
    """One training, as the registry shall remember it.

    `artefact` is the exported folder, its `digest` the version's identity; `estimator` is what it was exported from.
    """

    name: str
    digest: str
    artefact: Path
    estimator: Any
    feature_names: tuple[str, ...]
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A registered model: `digest` is its artefact's, `model_id` and `run_id` are the registry's own."""

    name: str
    version: str
    model_id: str
    run_id: str
    digest: str


class UnknownVersion(Fault):
    """The registry does not hold the model, or not that version of it."""


class ChampionStands(Fault):
    """The champion cannot be retired."""

    def __init__(self, version: ModelVersion) -> None:
        super().__init__(
            f"version {version.version} of model {version.name} is its champion; promote another one, then retire it"
        )


class Registry(Protocol):
    """Remembers runs and versions; one alias a model, moved at once.

    A retired version is known but stands no more: it is not found, and its digest registers as a new version.
    """

    def record(self, run: Run) -> ModelVersion:
        """Remember the run and register its model.

        A digest that is registered already keeps its version: only the run is new.
        """

    def registered(self, name: str, digest: str) -> ModelVersion | None:
        """The version that holds this artefact; None when none does."""

    def version(self, name: str, version: str | None = None) -> ModelVersion:
        """That version, or the newest; raises `UnknownVersion`."""

    def standing(self, name: str) -> list[ModelVersion]:
        """Every version of the model that is not retired, the oldest first."""

    def names(self) -> list[str]:
        """The models that were ever registered."""

    def manifest(self, version: ModelVersion) -> str | None:
        """The manifest of its training set as text; None for a version from before there were any."""

    def amend(self, version: ModelVersion, manifest: str) -> None:
        """Put another manifest in its place."""

    def retire(self, name: str, version: str) -> ModelVersion:
        """Let the version stand no more; again is the same. Raises `UnknownVersion`, and `ChampionStands`."""

    def champion(self, name: str) -> ModelVersion | None:
        """The version that the alias `champion` names."""

    def crown(self, version: ModelVersion) -> None:
        """Let the alias `champion` name this version, and no other."""

    def fetch(self, version: ModelVersion, target: Path) -> None:
        """Copy the artefact's files of that version into the folder `target`, which is made."""
