"""The training set: granted applications, their features at the time of application, and the outcomes of the loans."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import basket, catalog
from models import labels
from models.labels import Labels
from models.tables import TableReading, TrainingTables
from terminal.fault import Fault

APPLICATIONS = "curated.credit_applications"
LOANS = "curated.granted_loans"
VECTORS = "features.applicant"

LAKE_NAMES = tuple(each.name for each in catalog.LAKE_FEATURES if each.name in catalog.MODEL_FEATURES)


class TrainingSetFault(Fault):
    """The tables do not give one vector for each labelled loan; says which act to run or which loan to look at."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """One row per application, ordered by id; `rows` has shape (applications, features), NaN where unknown.

    Rows name neither account nor shopper. Only the application id leads to a person, through the lake's applications,
    and an erasure removes those. `readings` state the snapshots used; `unlabelled` loans have no outcome yet and are
    left out.
    """

    source: str
    application_ids: tuple[str, ...]
    applied_on: NDArray[np.datetime64]
    rows: NDArray[np.float64]
    bad: NDArray[np.bool_]
    unlabelled: int
    labels: Labels
    readings: tuple[TableReading, ...]

    def content_digest(self) -> str:
        """A digest of the rows, independent of the snapshots they were read from."""
        summed = hashlib.sha256("\n".join(self.application_ids).encode())
        for array in (self.applied_on.astype("datetime64[s]").astype(np.int64), self.rows, self.bad):
            summed.update(np.ascontiguousarray(array).tobytes())
        return summed.hexdigest()

    def column_digests(self) -> dict[str, str]:
        """A digest of each column, so that a difference between two sets can be located."""
        columns: dict[str, bytes] = {
            "application_id": "\n".join(self.application_ids).encode(),
            "applied_on": self.applied_on.astype("datetime64[s]").astype(np.int64).tobytes(),
            "bad": self.bad.tobytes(),
        }
        columns |= {
            name: np.ascontiguousarray(column).tobytes()
            for name, column in zip(catalog.MODEL_FEATURES, self.rows.T, strict=True)
        }
        return {name: hashlib.sha256(content).hexdigest()[:16] for name, content in columns.items()}


def gather_training_set(
    tables: TrainingTables, *, source: str | None = None, known_by: date | None = None
) -> TrainingSet:
    """Join applications with their loans, outcomes and vectors; `source` is needed when the lake holds several."""
    outcomes = labels.read_outcome_labels(tables, known_by)
    applications = tables.read(
        APPLICATIONS,
        ["application_id", "source", "account_id", "applied_at", "amount_minor", "product", "duration_months"],
    )
    loans = tables.read(LOANS, ["loan_id", "application_id"])
    vectors = tables.read(VECTORS, ["account_id", "as_of", "feature_set_digest", *LAKE_NAMES])
    chosen = _one_source(applications.frame, source)
    loan_of = _loan_of_application(loans.frame)
    granted = [
        row for row in _records(applications.frame) if row["source"] == chosen and row["application_id"] in loan_of
    ]
    granted.sort(key=lambda row: str(row["application_id"]))
    labelled = [row for row in granted if loan_of[row["application_id"]] in outcomes.bad]
    lake = _lake_features(vectors.frame, labelled)
    return TrainingSet(
        source=chosen,
        application_ids=tuple(row["application_id"] for row in labelled),
        applied_on=np.array([row["applied_at"].date() for row in labelled], dtype="datetime64[D]"),
        rows=np.array([_row(row, known) for row, known in zip(labelled, lake, strict=True)], dtype=np.float64),
        bad=np.array([outcomes.bad[loan_of[row["application_id"]]] for row in labelled], dtype=np.bool_),
        unlabelled=len(granted) - len(labelled),
        labels=outcomes,
        readings=(applications, loans, outcomes.reading, vectors),
    )


def _row(application: Mapping[str, Any], lake: Mapping[str, float | None]) -> list[float]:
    """The model's inputs, computed as serving would have on that day."""
    amount, months = int(application["amount_minor"]), int(application["duration_months"])
    request = basket.request_features(
        amount_minor=amount,
        duration_months=months,
        instalment_minor=basket.requested_instalment(amount, application["product"], months),
        lake=lake,
    )
    values = {**lake, **request}
    endless = [name for name in catalog.MODEL_FEATURES if math.isinf(values[name] or 0.0)]
    if endless:
        raise TrainingSetFault(f"{VECTORS}: {endless[0]} of application {application['application_id']} is infinite")
    return [_or_nan(values[name]) for name in catalog.MODEL_FEATURES]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _one_source(frame: Any, source: str | None) -> str:
    present = sorted(set(frame["source"].tolist()))
    if source is None and len(present) == 1:
        return str(present[0])
    if source is None or source not in present:
        held = ", ".join(present) or "no source"
        raise TrainingSetFault(f"{APPLICATIONS} holds applications of {held}; choose one of them with --source")
    return source


def _loan_of_application(frame: Any) -> dict[str, str]:
    loan_of: dict[str, str] = {}
    for application_id, loan_id in zip(frame["application_id"].tolist(), frame["loan_id"].tolist(), strict=True):
        if loan_of.setdefault(application_id, loan_id) != loan_id:
            raise TrainingSetFault(
                f"{LOANS}: application {application_id} has loans {loan_of[application_id]}, {loan_id}"
            )
    return loan_of


def _lake_features(frame: Any, applications: Sequence[Mapping[str, Any]]) -> list[dict[str, float | None]]:
    """The vector of each application, by the feature set of this code, in the same number and order."""
    wanted = catalog.feature_set_digest()
    current = frame[frame["feature_set_digest"] == wanted]
    known: dict[tuple[str, Any], dict[str, float | None]] = {}
    for row in _records(current):
        vector = {name: _number(row[name]) for name in LAKE_NAMES}
        if known.setdefault((row["account_id"], row["as_of"]), vector) != vector:
            raise TrainingSetFault(f"{VECTORS}: account {row['account_id']} has two vectors as of {row['as_of']}")
    absent = [row for row in applications if (row["account_id"], row["applied_at"]) not in known]
    if absent:
        raise TrainingSetFault(
            f"{VECTORS} has no vector of feature set {wanted[:12]} for {len(absent)} of {len(applications)} granted "
            f"applications (the first is {absent[0]['application_id']}); run `tranche pipelines build-features`"
        )
    return [known[row["account_id"], row["applied_at"]] for row in applications]


def _number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)  # noqa: PLR0124 - NaN, NaT and NA are unknown


def _records(frame: Any) -> list[dict[str, Any]]:
    columns = frame.columns.tolist()
    values = [frame[column].tolist() for column in columns]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
