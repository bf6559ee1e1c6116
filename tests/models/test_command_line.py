"""From the lake to the champion by the commands a person types, on real parts: Iceberg, MLflow, PostgreSQL, S3."""

import json
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.types import StringType

from models import artefact
from models.__main__ import NoManifest, NotADay
from models.manifest import MANIFEST_FILE, Manifest
from models.registry import UnknownVersion
from models.settings import Settings
from models.tables import LakeFault
from models.train import SplitNotGiven
from pipelines.lake.iceberg import catalog, create_namespaces, table_name
from pipelines.lake.iceberg_upkeep import IcebergUpkeep
from pipelines.upkeep.maintain import expire_and_sweep, maintain
from tests.command_line import acts_of
from tests.models.worlds import some_frames

main = acts_of("models")

SPLIT = ["--train-until", "2024-06-30", "--test-until", "2024-09-30"]


@pytest.fixture(scope="module")
def lake(lake_environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The invented loans as Iceberg tables, and the environment of this process pointing at them."""
    environment = {**lake_environment, "TRANCHE_MODELS_DIR": str(tmp_path_factory.mktemp("champions"))}
    settings = Settings.from_environment(environment)
    fill(settings)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        for name in ("MLFLOW_DISABLE_TELEMETRY", "AWS_DEFAULT_REGION", "MLFLOW_S3_ENDPOINT_URL"):
            patch.setenv(name, "")  # so that what the commands set is taken back
        yield settings


def fill(settings: Settings) -> None:
    create_namespaces(settings.lake)
    opened = catalog(settings.lake)
    for name, frame in some_frames().items():
        rows = pa.Table.from_pandas(frame, preserve_index=False)
        opened.create_table(table_name(settings.lake, name), schema=rows.schema).append(rows)


def told(*command: str) -> dict[str, Any]:
    """What a command with `--json` said."""
    with redirect_stdout(StringIO()) as out:
        assert main([*command, "--json"]) == 0
    said: dict[str, Any] = json.loads(out.getvalue())
    return said


@pytest.fixture(scope="module")
def champion(lake: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    """What training and promoting said; trained once for all tests of this module."""
    return told("train", *SPLIT), told("promote")


@pytest.mark.slow
def test_train_promote_and_load_end_to_end(lake: Settings, champion: Any) -> None:
    report, promoted = champion
    loaded = artefact.load_champion(lake.models_dir)

    assert report["auc_low"] < report["auc"] < report["auc_high"]
    assert promoted["champion"]["digest"] == loaded.digest == report["digest"]
    assert (loaded.version, loaded.model_id) == (report["version"]["version"], report["version"]["model_id"])
    poor = loaded.score(dict.fromkeys(loaded.feature_names) | {"balance_low_90d": -300_00.0})
    assert "M04" in [reason.code for reason in loaded.reasons(poor)]


@pytest.mark.slow
def test_the_run_in_mlflow_holds_the_snapshots_that_the_lake_has(lake: Settings, champion: Any) -> None:
    import mlflow

    from models.mlflow import IcebergDatasetSource

    report, _ = champion
    opened = catalog(lake.lake)
    newest = {
        name: opened.load_table(table_name(lake.lake, name)).current_snapshot().snapshot_id for name in some_frames()
    }
    assert report["snapshots"] == newest
    run = mlflow.get_run(report["version"]["run_id"])
    read = {each.dataset.name: each.dataset for each in run.inputs.dataset_inputs}
    assert {name: int(dataset.digest) for name, dataset in read.items()} == newest
    assert run.data.metrics["auc"] == report["auc"]
    assert run.data.metrics["scorecard_auc_low"] == report["scorecard_auc_low"]
    alias = mlflow.MlflowClient().get_model_version_by_alias("default_probability", "champion")
    assert alias.tags["digest"] == report["digest"]
    again = IcebergDatasetSource.from_json(read["curated.loan_outcomes"].source).load()
    assert len(again) == 300


@pytest.mark.slow
def test_training_twice_on_one_lake_is_one_version(champion: Any) -> None:
    (first, _), second = champion, told("train", *SPLIT)
    assert first["version"] == second["version"]
    assert first["auc"] == second["auc"]


@pytest.mark.slow
def test_the_report_for_people_shows_figures_with_their_intervals(
    lake: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *SPLIT]) == 0
    said = capsys.readouterr().out
    assert "trained on   203 loans up to 2024-06-30" in said
    assert "AUC          0." in said
    assert "scorecard 0." in said


@pytest.mark.slow
def test_without_a_split_a_seeded_world_is_not_guessed_at(lake: Settings) -> None:
    with pytest.raises(SplitNotGiven, match="--train-until"):
        main(["train"])


@pytest.mark.slow
def test_an_empty_lake_names_the_table_and_the_command(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANCHE_LAKE_PREFIX", "nothing_")
    with pytest.raises(LakeFault, match=r"curated\.loan_outcomes is not in the lake; run `tranche pipelines curate`"):
        main(["train", *SPLIT])


@pytest.mark.slow
def test_a_training_set_is_rebuilt_after_twenty_commits_a_compaction_and_an_expiry_until_its_model_is_retired(
    lake: Settings, spark: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a lake of its own, where no other model's tag holds the same snapshots."""
    lake = replace(lake, lake=replace(lake.lake, lake_prefix=f"{lake.lake.lake_prefix}pinned_"))
    monkeypatch.setenv("TRANCHE_LAKE_PREFIX", lake.lake.lake_prefix)
    fill(lake)
    report = told("train", *SPLIT, "--name", "pinned")
    tag, manifest = f"train_{report['digest']}", lake.models_dir / report["digest"] / MANIFEST_FILE
    opened = catalog(lake.lake)
    for name in some_frames():
        table = opened.load_table(table_name(lake.lake, name))
        more = table.scan(limit=1).to_arrow()
        with table.update_schema() as change:
            change.add_column("came_later", StringType())
        for _ in range(20 // len(some_frames())):
            table.append(more)
    later = datetime.now(UTC) + timedelta(days=1)
    kept = maintain(spark, IcebergUpkeep(lake.lake), now=later, older_than=timedelta(), only=list(some_frames()))

    rebuilt = told("rebuild-training-set", "--model", "pinned")

    assert {each.snapshots_after for each in kept.tables} == {2}  # main's and the tag's
    assert all(each.compacted > 5 and each.files_after < each.files_before for each in kept.tables)
    assert rebuilt["is_same"]
    assert rebuilt["content_hash"] == Manifest.read(manifest).content_hash
    assert main(["rebuild-training-set", str(manifest)]) == 0
    assert f"the same 300 rows, content hash {rebuilt['content_hash']}" in capsys.readouterr().out

    assert told("amend-training-sets") == {"amended": []}
    assert told("retire", "pinned", "1")["unpinned"] == 4
    for name in some_frames():
        upkeep = IcebergUpkeep(lake.lake)
        expire_and_sweep(upkeep, upkeep.table(name), later, later)
        assert [ref.name for ref in upkeep.table(name).refs if ref.name == tag] == []
        assert len(upkeep.table(name).snapshots) == 1
    with pytest.raises(LakeFault, match=r"has no snapshot .* any more"):
        main(["rebuild-training-set", str(manifest)])
    with pytest.raises(UnknownVersion):
        main(["rebuild-training-set", "--model", "pinned"])


@pytest.mark.parametrize("given", [[], ["manifest.json", "--model", "default_probability"]])
def test_one_training_set_is_asked_for(given: list[str]) -> None:
    with pytest.raises(NoManifest, match="a manifest's file or --model"):
        main(["rebuild-training-set", *given])


@pytest.mark.parametrize("day", ["1995", "31.12.1995", "1995-13-01", ""])
def test_a_day_that_is_none_is_refused_before_anything_is_opened(day: str) -> None:
    with pytest.raises(NotADay, match=r"--train-until is .*; for example --train-until 1995-12-31"):
        main(["train", "--train-until", day])


def test_an_artefact_folder_never_promoted_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(artefact.NoChampion, match="tranche models promote"):
        artefact.load_champion(tmp_path)
