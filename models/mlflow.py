"""The registry on MLflow: runs, data sets pinned to Iceberg snapshots, model versions, and the alias `champion`."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version as installed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

import mlflow
from mlflow.data.dataset_source import DatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import LoggedModelInput
from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.store.db.utils import create_sqlalchemy_engine
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

from models.iceberg import read_snapshot
from models.manifest import MANIFEST_FILE
from models.registry import CHAMPION, ChampionStands, ModelVersion, Run, UnknownVersion
from models.settings import Settings
from models.tables import TableReading

if TYPE_CHECKING:
    import pandas as pd

# A bar for each file of a few kilobytes is in the way of what the command says.
MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)  # type: ignore[no-untyped-call] # MLflow leaves it untyped

EXPERIMENT = "tranche"
FILES = "artefact"
RETIRED = "retired"
FIRST_OPENING = 7_239_471  # an arbitrary number that no other advisory lock of the database uses

# The types in a gradient boosting model; skops refuses to load any type not listed here.
TRUSTED_TYPES = [
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
]


class IcebergDatasetSource(DatasetSource):
    """One snapshot of an Iceberg table: the rows that a model was trained on, until the snapshot expires."""

    def __init__(self, table: str, snapshot_id: int, schema_id: int) -> None:
        self.table = table
        self.snapshot_id = snapshot_id
        self.schema_id = schema_id

    @staticmethod
    def _get_source_type() -> str:
        return "iceberg"

    def load(self) -> pd.DataFrame:
        """The rows of the snapshot, from the lake that the environment names."""
        return read_snapshot(Settings.from_environment().lake, self.table, self.snapshot_id)

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return isinstance(raw_source, TableReading)

    @classmethod
    def _resolve(cls, raw_source: Any) -> Self:
        return cls(raw_source.table, raw_source.snapshot_id, raw_source.schema_id)

    def to_dict(self) -> dict[str, Any]:
        return {"table": self.table, "snapshot_id": self.snapshot_id, "schema_id": self.schema_id}

    @classmethod
    def from_dict(cls, source_dict: Mapping[str, Any]) -> Self:
        return cls(source_dict["table"], source_dict["snapshot_id"], source_dict["schema_id"])


class MlflowRegistry:
    """Registry over MLflow's database without a server; artefacts are stored under `artefacts_uri`."""

    def __init__(self, tracking_uri: str, artefacts_uri: str) -> None:
        # MLflow logs every database migration and every new experiment.
        for chatty in ("mlflow", "alembic"):
            logging.getLogger(chatty).setLevel(logging.ERROR)
        mlflow.set_tracking_uri(tracking_uri)
        mlflow.set_registry_uri(tracking_uri)
        with _alone(tracking_uri):
            # The client opens its store when it is made, and creates the tables of an empty one.
            self._client = mlflow.MlflowClient(tracking_uri, tracking_uri)
            self._experiment_id = self._experiment(artefacts_uri)

    def _experiment(self, artefacts_uri: str) -> str:
        known = self._client.get_experiment_by_name(EXPERIMENT)
        if known is not None:
            return str(known.experiment_id)
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=artefacts_uri))

    def record(self, run: Run) -> ModelVersion:
        known = self.registered(run.name, run.digest)
        datasets = [_dataset(reading) for reading in run.readings]
        with mlflow.start_run(experiment_id=self._experiment_id, run_name=run.name) as started:
            mlflow.log_params(dict(run.parameters))
            mlflow.set_tags({**run.tags, "digest": run.digest})
            mlflow.log_artifacts(str(run.artefact), FILES)
            model_id = known.model_id if known else _log_estimator(run)
            for dataset in datasets:
                mlflow.log_input(dataset, context="training", model=LoggedModelInput(model_id=model_id))
            # Metrics belong to the model and to the table of its vectors, which is read last.
            mlflow.log_metrics(dict(run.metrics), model_id=model_id, dataset=datasets[-1])
        return known or self._register(run, model_id, started.info.run_id)

    def registered(self, name: str, digest: str) -> ModelVersion | None:
        found = self._client.search_model_versions(f"name = '{name}' and tags.digest = '{digest}'")
        standing = (_version(each) for each in found if RETIRED not in each.tags)
        return min(standing, key=lambda each: int(each.version), default=None)

    def _register(self, run: Run, model_id: str, run_id: str) -> ModelVersion:
        try:
            self._client.create_registered_model(run.name)
        except MlflowException as refused:
            if refused.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        # MLflow's SQL store loses a version's model id, so it is also stored as a tag.
        tags = {"digest": run.digest, "model_id": model_id}
        created = self._client.create_model_version(
            run.name, f"models:/{model_id}", run_id=run_id, model_id=model_id, tags=tags
        )
        return _version(created)

    def version(self, name: str, version: str | None = None) -> ModelVersion:
        wanted = [each for each in self.standing(name) if version in (None, each.version)]
        if not wanted:
            named = f"version {version} of model {name}" if version else f"model {name}"
            raise UnknownVersion(f"{named} is not registered; run `tranche models train`")
        return wanted[-1]

    def standing(self, name: str) -> list[ModelVersion]:
        found = self._client.search_model_versions(f"name = '{name}'")
        versions = [_version(each) for each in found if RETIRED not in each.tags]
        return sorted(versions, key=lambda each: int(each.version))

    def names(self) -> list[str]:
        return sorted(found.name for found in self._client.search_registered_models())

    def champion(self, name: str) -> ModelVersion | None:
        try:
            return _version(self._client.get_model_version_by_alias(name, CHAMPION))
        except MlflowException as absent:
            if absent.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def crown(self, version: ModelVersion) -> None:
        self._client.set_registered_model_alias(version.name, CHAMPION, version.version)

    def manifest(self, version: ModelVersion) -> str | None:
        files = self._client.list_artifacts(version.run_id, FILES)
        if f"{FILES}/{MANIFEST_FILE}" not in {file.path for file in files}:
            return None
        with TemporaryDirectory() as folder:
            copied = self._client.download_artifacts(version.run_id, f"{FILES}/{MANIFEST_FILE}", folder)
            return Path(copied).read_text(encoding="utf-8")

    def amend(self, version: ModelVersion, manifest: str) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / MANIFEST_FILE
            path.write_text(manifest, encoding="utf-8")
            self._client.log_artifact(version.run_id, str(path), FILES)

    def retire(self, name: str, version: str) -> ModelVersion:
        found = [_version(each) for each in self._client.search_model_versions(f"name = '{name}'")]
        retiring = next((each for each in found if each.version == version), None)
        if retiring is None:
            raise UnknownVersion(f"version {version} of model {name} is not registered")
        if self.champion(name) == retiring:
            raise ChampionStands(retiring)
        self._client.set_model_version_tag(name, version, RETIRED, "true")
        return retiring

    def fetch(self, version: ModelVersion, target: Path) -> None:
        with TemporaryDirectory(dir=target.parent, prefix=".fetched-") as folder:
            copied = self._client.download_artifacts(version.run_id, FILES, folder)
            shutil.move(copied, target)


def _log_estimator(run: Run) -> str:
    columns: list[ColSpec | TensorSpec] = [ColSpec(DataType.double, name, required=False) for name in run.feature_names]
    with warnings.catch_warnings():
        # Column types are declared above, so MLflow's warning about inferred types does not apply.
        warnings.simplefilter("ignore")
        logged = mlflow.sklearn.log_model(
            run.estimator,
            name=run.name,
            signature=ModelSignature(Schema(columns), Schema([ColSpec(DataType.long)])),
            pip_requirements=[f"scikit-learn=={installed('scikit-learn')}", f"numpy=={installed('numpy')}"],
            skops_trusted_types=TRUSTED_TYPES,
        )
    return str(logged.model_id)


def _dataset(reading: TableReading) -> MetaDataset:
    # MLflow keeps the first source for a name and digest, so the digest must be the snapshot.
    source = IcebergDatasetSource._resolve(reading)  # noqa: SLF001 - the name MLflow's interface prescribes
    # MLflow declares `profile` abstract and ships this class without it.
    return MetaDataset(source, name=reading.table, digest=str(reading.snapshot_id))  # type: ignore[abstract]


def _version(found: MlflowVersion) -> ModelVersion:
    assert found.run_id is not None, f"version {found.version} of {found.name} was registered without a run"
    return ModelVersion(found.name, str(found.version), found.tags["model_id"], found.run_id, found.tags["digest"])


@contextmanager
def _alone(tracking_uri: str) -> Iterator[None]:
    """An exclusive lock: two processes that open an empty database at once would both create its tables, and fail."""
    engine = create_sqlalchemy_engine(tracking_uri)  # type: ignore[no-untyped-call] # MLflow leaves it untyped
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_lock({FIRST_OPENING})")
            yield
    finally:
        engine.dispose()  # closing the connection releases the lock
