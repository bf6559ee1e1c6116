"""Port: a store of training runs and model versions, and of which version is the champion."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from models.tables import TableReading
from terminal.fault import Fault

CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Run:
    """One training run, as the registry stores it.

    `artefact` is the exported folder, and its `digest` identifies the version; `estimator` is the trained model.
    """

    name: str
    digest: str
    artefact: Path
    estimator: Any
    feature_names: tuple[str, ...]
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    readings: tuple[TableReading, ...]


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A registered version; `digest` is that of its artefact, `model_id` and `run_id` are the registry's."""

    name: str
    version: str
    model_id: str
    run_id: str
    digest: str


class UnknownVersion(Fault):
    """Raised when the registry does not have the model, or not that version."""


class ChampionStands(Fault):
    """Raised when the champion is to be retired."""

    def __init__(self, version: ModelVersion) -> None:
        super().__init__(
            f"version {version.version} of model {version.name} is its champion; promote another one, then retire it"
        )


class Registry(Protocol):
    """Stores runs and versions, with one alias per model that moves atomically.

    A retired version is still stored but not found by its digest, which can be registered again as a new version.
    """

    def record(self, run: Run) -> ModelVersion:
        """Store the run and register its model.

        A digest that is registered already keeps its version; only the run is new.
        """

    def registered(self, name: str, digest: str) -> ModelVersion | None:
        """The version with this artefact digest, or None."""

    def version(self, name: str, version: str | None = None) -> ModelVersion:
        """That version, or the newest; raises `UnknownVersion`."""

    def standing(self, name: str) -> list[ModelVersion]:
        """Every version of the model that is not retired, the oldest first."""

    def names(self) -> list[str]:
        """The names of all models ever registered."""

    def manifest(self, version: ModelVersion) -> str | None:
        """The manifest of the version's training set as JSON; None for a version from before manifests existed."""

    def amend(self, version: ModelVersion, manifest: str) -> None:
        """Replace the version's manifest."""

    def retire(self, name: str, version: str) -> ModelVersion:
        """Retire the version. Idempotent. Raises `UnknownVersion`, and `ChampionStands` for the champion."""

    def champion(self, name: str) -> ModelVersion | None:
        """The version with the alias `champion`, or None."""

    def crown(self, version: ModelVersion) -> None:
        """Move the alias `champion` to this version."""

    def fetch(self, version: ModelVersion, target: Path) -> None:
        """Copy the version's artefact into the folder `target`, which is created."""
