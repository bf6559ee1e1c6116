"""The real loans of 1993-96: learnt up to 1995, judged by 1996, from the real bank transactions before each of them."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pytest

from features.catalog import APPLICANT, feature_set_digest
from features.duckdb import compute, events_schema, moments_schema
from models import artefact, train
from models.memory import MemoryRegistry, MemoryTrainingTables
from models.train import TrainingRequest, TrainReport
from pipelines.sources.berka import Berka

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def frames(berka: Path) -> dict[str, Any]:
    """What the lake would hold of them, made by DuckDB from the same events and the same feature definitions."""
    bodies: dict[str, list[Any]] = {}
    for event in Berka(berka).read().events:
        bodies.setdefault(event.event_type, []).append(orjson.loads(event.body))
    events = {kind: _dated(pd.DataFrame(rows)) for kind, rows in bodies.items()}
    applications = events["credit_application.v1"].assign(applied_at=lambda frame: frame["occurred_at"])
    moments = applications[["account_id", "shopper_id"]].assign(as_of=applications["applied_at"])
    transactions = events["bank_transaction.v1"]
    told = {
        "bank_transactions": transactions[transactions["account_id"].isin(moments["account_id"])],
        "applications": applications,
    }
    tables = {
        source.name: pa.Table.from_pandas(told[source.name], events_schema(source), preserve_index=False)
        for source in APPLICANT.sources
        if source.name in told
    }
    asked = pa.Table.from_pandas(moments, moments_schema(APPLICANT), preserve_index=False)
    vectors = compute(APPLICANT, asked, tables).to_pandas()
    vectors["as_of"] = vectors["as_of"].dt.tz_convert("UTC")
    return {
        "curated.credit_applications": applications,
        "curated.granted_loans": events["granted_loan.v1"],
        "curated.loan_outcomes": events["loan_outcome.v1"],
        "features.applicant": vectors.assign(feature_set_digest=feature_set_digest()),
    }


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    times = {name: pd.to_datetime(frame[name], utc=True) for name in ("occurred_at", "recorded_at")}
    return frame.assign(**times)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def report(frames: dict[str, Any], folder: Path) -> TrainReport:
    return train.train(MemoryTrainingTables(frames), MemoryRegistry(), folder, TrainingRequest())


def test_the_usual_split_is_211_loans_against_117(report: TrainReport) -> None:
    assert (report.train_rows, report.train_bads, report.test_rows, report.test_bads) == (211, 30, 117, 16)


def test_the_loans_of_1996_are_ordered_and_the_interval_is_told(report: TrainReport) -> None:
    auc = report.champion.auc
    assert auc.value >= 0.80
    assert 0.6 < auc.low < auc.value < auc.high < 1
    # A leak would show as a figure far above what others found on these loans without one.
    assert auc.value < 0.95


def test_probabilities_are_about_as_frequent_as_defaults(report: TrainReport) -> None:
    slope = report.champion.calibration_slope
    assert slope.low < 1 < slope.high
    expected = sum(each.expected * each.loans for each in report.champion.reliability)
    assert expected == pytest.approx(report.test_bads, rel=0.5)


def test_the_reader_is_told_that_the_status_has_no_date(report: TrainReport) -> None:
    assert any("328 of 328 outcomes have no date" in note for note in report.notes)


def test_every_loan_above_the_reference_risk_has_a_reason(
    frames: dict[str, Any], report: TrainReport, folder: Path
) -> None:
    model = artefact.load_model(folder / report.version.digest)
    gathered = train.training_set.gather_training_set(MemoryTrainingTables(frames))
    scored = [model.score_row(row) for row in gathered.rows]
    risky = [each for each in scored if each.log_odds > model.reference_log_odds]
    assert len(risky) > 50
    assert all(1 <= len(model.reasons(each)) <= 4 for each in risky)


def test_no_single_feature_tells_the_outcome_by_itself(frames: dict[str, Any], report: TrainReport) -> None:
    """A feature that knew the future would stand out: the best honest one orders about four pairs in five."""
    gathered = train.training_set.gather_training_set(MemoryTrainingTables(frames))
    for name, column in zip(report.feature_names, gathered.rows.T, strict=True):
        known = np.isfinite(column)
        alone = train.evaluation.area_under_curve(column[known], gathered.bad[known]).value
        assert max(alone, 1 - alone) < 0.9, name
