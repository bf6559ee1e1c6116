"""One act from the lake to a registered model, the same model from the same rows."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from models import artefact, train
from models.estimator import Parameters
from models.memory import MemoryRegistry, MemoryTrainingTables
from models.split import SplitFault
from models.train import SplitNotGiven, TrainingRequest, TrainReport
from tests.models.worlds import TEST_UNTIL, TRAIN_UNTIL, some_frames, some_tables

QUICK = Parameters(max_iter=40)
USUAL = TrainingRequest(train_until=TRAIN_UNTIL, test_until=TEST_UNTIL, parameters=QUICK)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MemoryRegistry, TrainReport]:
    folder, registry = tmp_path_factory.mktemp("models"), MemoryRegistry()
    return folder, registry, train.train(some_tables(), registry, folder, USUAL)


def test_it_learns_what_there_is_to_learn(trained: Any) -> None:
    _, _, report = trained
    assert (report.train_rows, report.test_rows) == (203, 97)
    assert report.champion.auc.low > 0.6
    assert report.scorecard.auc.value > 0.6
    assert report.parity <= 1e-12


def test_the_registered_model_is_the_artefact_and_scores_with_reasons(trained: Any) -> None:
    folder, registry, report = trained
    model = artefact.load_model(folder / report.version.digest)
    assert (model.version, model.model_id) == (report.version.version, report.version.model_id)
    assert registry.version("default_probability") == report.version
    poor, rich = (
        model.score(dict.fromkeys(model.feature_names) | {"balance_low_90d": low}) for low in (-300_00.0, 300_00.0)
    )
    assert poor.default_probability > rich.default_probability
    assert "M04" in [reason.code for reason in model.reasons(poor)]


def test_the_run_remembers_snapshots_parameters_and_figures_with_intervals(trained: Any) -> None:
    _, registry, report = trained
    (run,) = registry.runs
    assert {reading.table for reading in run.readings} == set(report.snapshots) == set(some_frames())
    assert run.parameters["train_until"] == "2024-06-30"
    assert run.parameters["interaction_cst"] == "no_interactions"
    for name in ("auc", "auc_low", "auc_high", "ks_low", "brier_high", "calibration_slope", "scorecard_auc"):
        assert name in run.metrics
    assert run.metrics["auc"] == report.champion.auc.value
    assert run.readings[-1].table == "features.applicant"


def test_training_again_gives_the_same_artefact_and_version_but_another_run(trained: Any, tmp_path: Path) -> None:
    _, registry, report = trained
    again = train.train(some_tables(), registry, tmp_path, USUAL)
    assert again.version == report.version
    assert len(registry.runs) == 2
    registry.runs.pop()


def test_a_shuffled_lake_gives_the_same_artefact(trained: Any, tmp_path: Path) -> None:
    shuffled = {name: frame.sample(frac=1, random_state=5) for name, frame in some_frames().items()}
    report = train.train(MemoryTrainingTables(shuffled), MemoryRegistry(), tmp_path, USUAL)
    assert report.version.digest == trained[2].version.digest


def test_loans_after_the_split_do_not_change_the_model(trained: Any, tmp_path: Path) -> None:
    frames = some_frames()
    outcomes = frames["curated.loan_outcomes"]
    outcomes.loc[outcomes.index > 250, "status"] = "running_ok"
    report = train.train(MemoryTrainingTables(frames), MemoryRegistry(), tmp_path, USUAL)
    assert report.version.digest == trained[2].version.digest
    assert report.champion != trained[2].champion


def test_an_earlier_split_gives_another_model(trained: Any, tmp_path: Path) -> None:
    earlier = TrainingRequest(train_until=date(2024, 5, 31), test_until=TEST_UNTIL, parameters=QUICK)
    assert train.train(some_tables(), MemoryRegistry(), tmp_path, earlier).version.digest != trained[2].version.digest


def test_the_report_becomes_json_with_the_figures_most_asked_for(trained: Any) -> None:
    told = json.loads(json.dumps(trained[2].as_json(), allow_nan=False))
    assert told["auc_low"] < told["auc"] < told["auc_high"]
    assert {"ks", "brier", "calibration_slope", "scorecard_auc", "train_rows", "test_rows"} <= set(told)
    assert told["train_until"] == "2024-06-30"
    assert told["champion"]["roc"][0] == [0.0, 0.0]
    assert told["champion"]["roc"][-1] == [1.0, 1.0]


def test_undated_outcomes_are_told_to_the_reader(tmp_path: Path) -> None:
    report = train.train(some_tables(dated=False), MemoryRegistry(), tmp_path, USUAL)
    assert any("300 of 300 outcomes have no date" in note for note in report.notes)


def test_dated_outcomes_need_no_such_note(trained: Any) -> None:
    assert not any("no date" in note for note in trained[2].notes)


def test_outcomes_after_the_given_day_leave_no_trace(tmp_path: Path) -> None:
    known_by = replace(USUAL, known_by=date(2024, 11, 30))
    report = train.train(some_tables(), MemoryRegistry(), tmp_path, known_by)
    assert report.test_rows < 97
    assert any("recorded after" in note for note in report.notes)


def test_a_source_without_a_usual_split_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(SplitNotGiven, match="source seeded has no usual split; give both"):
        train.train(some_tables(), MemoryRegistry(), tmp_path, TrainingRequest(train_until=TRAIN_UNTIL))


def test_berkas_usual_split_lies_in_other_years_than_these_loans(tmp_path: Path) -> None:
    with pytest.raises(SplitFault, match="up to 1995-12-31"):
        train.train(some_tables(source="berka"), MemoryRegistry(), tmp_path, TrainingRequest())


def test_a_refused_training_registers_nothing(tmp_path: Path) -> None:
    registry = MemoryRegistry()
    with pytest.raises(SplitFault):
        train.train(some_tables(), registry, tmp_path, TrainingRequest(date(2020, 1, 1), date(2020, 2, 1)))
    assert not registry.runs
    assert not list(tmp_path.iterdir())
