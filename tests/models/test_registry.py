"""One behaviour for every registry: in memory, and MLflow on PostgreSQL with artefacts on S3."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from models import artefact, estimator, export
from models.manifest import MANIFEST_FILE
from models.memory import MemoryRegistry
from models.registry import ChampionStands, Registry, Run, UnknownVersion
from models.settings import Settings
from models.tables import TableReading
from tests.models.builders import STEPS, a_model
from tranche.local.runtime import REGISTRY_ROLE


@pytest.fixture(scope="module")
def mlflow_settings(lake_environment: Mapping[str, str]) -> Iterator[Settings]:
    """MLflow on a new database of its own."""
    settings = Settings.from_environment(lake_environment)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_DISABLE_TELEMETRY", "AWS_DEFAULT_REGION", "MLFLOW_S3_ENDPOINT_URL"):
            patch.setenv(name, "")
        settings.hand_to_mlflow()
        yield settings


@pytest.fixture(scope="module", params=["memory", pytest.param("mlflow", marks=pytest.mark.slow)])
def registry(request: pytest.FixtureRequest) -> Registry:
    if request.param == "memory":
        return MemoryRegistry()
    from models.mlflow import MlflowRegistry

    settings = request.getfixturevalue("mlflow_settings")
    return MlflowRegistry(settings.tracking_uri, settings.artefacts_uri)


@pytest.fixture(scope="module")
def trained() -> Any:
    random = np.random.default_rng(1)
    rows = random.normal(0, 1, (100, len(STEPS)))
    return estimator.fit_champion(rows, rows[:, 0] > 0, [0] * len(STEPS))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A model name that no other test uses, so that tests share one registry."""
    return request.node.originalname


def a_run(name: str, folder: Path, trained: Any, *, digest: str = "f00d", auc: float = 0.8) -> Run:
    written = export.write(folder, a_model(digest=digest))
    return Run(
        name=name,
        digest=written.digest,
        artefact=folder / written.digest,
        estimator=trained,
        feature_names=written.feature_names,
        parameters={"train_until": "2024-06-30"},
        metrics={"auc": auc, "auc_low": auc - 0.1},
        tags={"source": "test"},
        readings=(
            TableReading("curated.granted_loans", 4711, 0, None),
            TableReading("features.applicant", 4712, 1, None),
        ),
    )


def test_a_new_artefact_is_a_new_version(registry: Registry, name: str, tmp_path: Path, trained: Any) -> None:
    first = registry.record(a_run(name, tmp_path, trained))
    second = registry.record(a_run(name, tmp_path, trained, digest="beef"))

    assert (first.version, second.version) == ("1", "2")
    assert first.model_id
    assert first.model_id != second.model_id
    assert registry.version(name) == second
    assert registry.version(name, "1") == first


def test_the_same_artefact_keeps_its_version(registry: Registry, name: str, tmp_path: Path, trained: Any) -> None:
    first = registry.record(a_run(name, tmp_path, trained))
    assert registry.record(a_run(name, tmp_path, trained, auc=0.7)) == first


def test_the_champion_is_the_last_one_crowned(registry: Registry, name: str, tmp_path: Path, trained: Any) -> None:
    first = registry.record(a_run(name, tmp_path, trained))
    second = registry.record(a_run(name, tmp_path, trained, digest="beef"))
    assert registry.champion(name) is None

    registry.crown(second)
    registry.crown(first)
    registry.crown(first)

    assert registry.champion(name) == first


def test_what_is_not_registered_is_refused(registry: Registry, name: str, tmp_path: Path, trained: Any) -> None:
    with pytest.raises(UnknownVersion, match=name):
        registry.version(name)
    registered = registry.record(a_run(name, tmp_path, trained))
    with pytest.raises(UnknownVersion, match="9"):
        registry.version(name, "9")
    assert registry.champion(name) is None
    assert registry.version(name) == registered


def test_an_artefact_can_be_fetched_where_it_was_not_made(
    registry: Registry, name: str, tmp_path: Path, trained: Any
) -> None:
    registered = registry.record(a_run(name, tmp_path / "here", trained))
    elsewhere = tmp_path / "there"
    elsewhere.mkdir()
    registry.fetch(registered, elsewhere / registered.digest)
    assert artefact.load_model(elsewhere / registered.digest).digest == registered.digest


def test_a_versions_manifest_is_kept_with_it_and_can_be_amended(
    registry: Registry, name: str, tmp_path: Path, trained: Any
) -> None:
    before = registry.record(a_run(name, tmp_path, trained))
    run = a_run(name, tmp_path, trained, digest="beef")
    (run.artefact / MANIFEST_FILE).write_text("one")
    pinned = registry.record(run)

    assert (registry.manifest(before), registry.manifest(pinned)) == (None, "one")
    registry.amend(pinned, "two")

    assert registry.manifest(pinned) == "two"
    registry.fetch(pinned, tmp_path / "fetched")
    assert (tmp_path / "fetched" / MANIFEST_FILE).read_text() == "two"


def test_a_retired_version_is_found_no_more_and_its_artefact_registers_anew(
    registry: Registry, name: str, tmp_path: Path, trained: Any
) -> None:
    run = a_run(name, tmp_path, trained)
    first = registry.record(run)
    assert registry.registered(name, run.digest) == first
    assert registry.standing(name) == [first]
    assert name in registry.names()

    assert registry.retire(name, "1") == registry.retire(name, "1") == first

    assert registry.registered(name, run.digest) is None
    assert registry.standing(name) == []
    with pytest.raises(UnknownVersion):
        registry.version(name, "1")
    again = registry.record(run)
    assert (again.version, registry.version(name)) == ("2", again)
    registry.crown(again)
    with pytest.raises(ChampionStands, match=f"version 2 of model {name} is its champion"):
        registry.retire(name, "2")
    with pytest.raises(UnknownVersion, match="9"):
        registry.retire(name, "9")


@pytest.mark.slow
def test_a_run_in_mlflow_names_model_data_and_snapshots(
    mlflow_settings: Settings, tmp_path: Path, trained: Any
) -> None:
    import mlflow

    from models.mlflow import IcebergDatasetSource, MlflowRegistry

    registered = MlflowRegistry(mlflow_settings.tracking_uri, mlflow_settings.artefacts_uri).record(
        a_run("lineage", tmp_path, trained)
    )

    run = mlflow.get_run(registered.run_id)
    assert run.data.params == {"train_until": "2024-06-30"}
    assert run.data.metrics == {"auc": 0.8, "auc_low": pytest.approx(0.7)}
    read = {each.dataset.name: each.dataset for each in run.inputs.dataset_inputs}
    assert {name: dataset.digest for name, dataset in read.items()} == {
        "curated.granted_loans": "4711",
        "features.applicant": "4712",
    }
    assert {dataset.source_type for dataset in read.values()} == {"iceberg"}
    source = IcebergDatasetSource.from_json(read["features.applicant"].source)
    assert (source.table, source.snapshot_id, source.schema_id) == ("features.applicant", 4712, 1)
    (auc,) = [metric for metric in mlflow.get_logged_model(registered.model_id).metrics if metric.key == "auc"]
    assert (auc.value, auc.dataset_name, auc.dataset_digest) == (0.8, "features.applicant", "4712")


@pytest.mark.slow
def test_the_estimator_in_mlflow_is_the_one_that_was_trained(
    mlflow_settings: Settings, tmp_path: Path, trained: Any
) -> None:
    import mlflow

    from models.mlflow import TRUSTED_TYPES, MlflowRegistry

    registered = MlflowRegistry(mlflow_settings.tracking_uri, mlflow_settings.artefacts_uri).record(
        a_run("kept", tmp_path, trained)
    )
    kept = mlflow.sklearn.load_model(f"models:/{registered.model_id}")
    rows = np.random.default_rng(2).normal(0, 1, (50, len(STEPS)))
    assert np.array_equal(kept.predict_proba(rows), trained.predict_proba(rows))
    assert TRUSTED_TYPES


def test_runs_in_memory_are_kept_in_order(tmp_path: Path, trained: Any) -> None:
    registry = MemoryRegistry()
    run = a_run("m", tmp_path, trained)
    registry.record(run)
    registry.record(replace(run, metrics={}))
    assert [each.metrics for each in registry.runs] == [run.metrics, {}]


@pytest.mark.slow
def test_two_processes_may_open_an_empty_registry_at_once(runtime: Mapping[str, str], tmp_path: Path) -> None:
    """Without a lock both would lay the tables and both would fail."""
    import subprocess
    import sys

    uri = runtime["TRANCHE_MLFLOW_TRACKING_URI"].replace("/mlflow?", "/mlflow_race?")
    with psycopg.connect(runtime["TRANCHE_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"create database mlflow_race owner {REGISTRY_ROLE}")
    program = (
        "import sys; from models.mlflow import MlflowRegistry\n"
        f"registry = MlflowRegistry({uri!r}, {tmp_path.as_uri()!r})\n"
        "print(registry.champion('none'))"
    )
    racers = [subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], stdout=-1, stderr=-1) for _ in range(2)]
    for racer in racers:
        told, trouble = racer.communicate(timeout=180)
        assert (racer.returncode, told.strip()) == (0, b"None"), trouble.decode()
