"""The rows a model learns from are those that serving would have seen on the day."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import catalog
from features.basket import request_features, requested_instalment
from models import training_set
from models.memory import MemoryTrainingTables
from models.tables import LakeFault, TableReading
from models.training_set import TrainingSetFault
from tests.models.worlds import some_frames, some_tables

PROTECTED = {"sex", "gender", "age", "birth_number", "birth_date", "born_on", "district_id", "client_id", "name"}


def changed(table: str, change: Any, **world: Any) -> MemoryTrainingTables:
    frames = some_frames(**world)
    frames[table] = change(frames[table])
    return MemoryTrainingTables(frames)


def test_each_granted_application_is_one_row_in_the_order_of_its_id() -> None:
    gathered = training_set.gather_training_set(some_tables())
    assert len(gathered.rows) == len(gathered.bad) == len(gathered.application_ids) == 300
    assert list(gathered.application_ids) == sorted(gathered.application_ids)
    assert gathered.rows.shape[1] == len(catalog.MODEL_FEATURES)


@pytest.mark.parametrize("product", ["monthly", "pay_in_3"])
def test_a_row_is_the_vector_of_the_day_and_what_serving_makes_of_the_request(product: str) -> None:
    frames = some_frames()
    gathered = training_set.gather_training_set(MemoryTrainingTables(frames))
    applications = frames["curated.credit_applications"]
    position = int(np.flatnonzero(applications["product"] == product)[0])
    application, vector = applications.iloc[position], frames["features.applicant"].iloc[position]
    lake = {
        feature.name: None if pd.isna(vector[feature.name]) else float(vector[feature.name])
        for feature in catalog.LAKE_FEATURES
        if feature.name in catalog.MODEL_FEATURES
    }
    amount = int(application["amount_minor"])
    request = request_features(
        amount_minor=amount,
        duration_months=12,
        instalment_minor=requested_instalment(amount, product, 12),
        lake=lake,
    )
    expected = [(lake | request)[name] for name in catalog.MODEL_FEATURES]
    row = gathered.rows[gathered.application_ids.index(application["application_id"])]
    assert [None if np.isnan(value) else value for value in row] == expected


def test_the_order_of_the_lakes_rows_does_not_matter() -> None:
    frames = some_frames()
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in frames.items()}
    one, other = (
        training_set.gather_training_set(MemoryTrainingTables(frames)),
        training_set.gather_training_set(MemoryTrainingTables(shuffled)),
    )
    assert one.content_digest() == other.content_digest()


def test_one_other_label_is_another_content() -> None:
    def turned(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[0, "status"] = "running_in_debt" if frame.loc[0, "status"] == "finished_paid" else "finished_paid"
        return frame

    other = changed("curated.loan_outcomes", turned)
    assert (
        training_set.gather_training_set(some_tables()).content_digest()
        != training_set.gather_training_set(other).content_digest()
    )


def test_loans_without_an_outcome_are_counted_and_left_out() -> None:
    gathered = training_set.gather_training_set(changed("curated.loan_outcomes", lambda frame: frame.iloc[3:]))
    assert (len(gathered.rows), gathered.unlabelled) == (297, 3)


def test_applications_that_were_not_granted_teach_nothing() -> None:
    assert (
        len(training_set.gather_training_set(changed("curated.granted_loans", lambda frame: frame.iloc[10:])).rows)
        == 290
    )


def test_vectors_of_other_moments_are_not_mistaken_for_the_days() -> None:
    def doubled(frame: pd.DataFrame) -> pd.DataFrame:
        later = frame.assign(as_of=frame["as_of"] + timedelta(days=1), balance_low_90d=1e9)
        return pd.concat([later, frame])

    other = training_set.gather_training_set(changed("features.applicant", doubled))
    assert other.content_digest() == training_set.gather_training_set(some_tables()).content_digest()


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        (
            "features.applicant",
            lambda frame: frame.iloc[2:],
            r"no vector .* for 2 of 300 .*app-seeded-0000.*build-features",
        ),
        ("features.applicant", lambda frame: frame.assign(feature_set_digest="old"), "no vector .* for 300 of 300"),
        (
            "features.applicant",
            lambda frame: pd.concat([frame, frame.assign(balance_last=1.0)]),
            "account seeded-0000 has two vectors",
        ),
        (
            "features.applicant",
            lambda frame: frame.assign(balance_last=np.inf),
            "balance_last of application .* infinite",
        ),
        (
            "curated.granted_loans",
            lambda frame: pd.concat([frame, frame.assign(loan_id="x")]),
            "app-seeded-0000 has loans seeded-0000, x",
        ),
        ("curated.credit_applications", lambda frame: frame.iloc[:0], "no source"),
    ],
)
def test_what_does_not_fit_together_is_named(table: str, change: Any, said: str) -> None:
    with pytest.raises(TrainingSetFault, match=said):
        training_set.gather_training_set(changed(table, change))


def test_a_lake_with_two_sources_asks_which() -> None:
    both = {
        name: pd.concat([frame, other])
        for (name, frame), other in zip(some_frames().items(), some_frames(source="berka").values(), strict=True)
    }
    with pytest.raises(TrainingSetFault, match="berka, seeded; choose one of them with --source"):
        training_set.gather_training_set(MemoryTrainingTables(both))
    with pytest.raises(TrainingSetFault, match="--source"):
        training_set.gather_training_set(MemoryTrainingTables(both), source="elsewhere")
    assert training_set.gather_training_set(MemoryTrainingTables(both), source="berka").source == "berka"


def test_a_table_that_is_not_there_is_named() -> None:
    frames = some_frames()
    del frames["features.applicant"]
    with pytest.raises(LakeFault, match=r"features\.applicant"):
        training_set.gather_training_set(MemoryTrainingTables(frames))


def test_nothing_about_the_person_is_ever_read() -> None:
    asked: set[str] = set()

    class Watched(MemoryTrainingTables):
        def read(self, table: str, columns: Sequence[str]) -> TableReading:
            asked.update(columns)
            return super().read(table, columns)

    training_set.gather_training_set(Watched(some_frames()))
    assert "balance_low_90d" in asked
    assert not asked & PROTECTED
