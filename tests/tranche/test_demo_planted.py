"""A planted fault counts as found under its own identity only; a miss and a false alarm never cancel out."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.lake.memory import MemoryTables
from tranche.demo_planted import APPLICANT, BANK_TRANSACTIONS, DUPLICATES, QUARANTINE, found_in_lake, read_labels
from tranche.summary import Planted


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def labels_file(tmp_path: Path) -> Path:
    late = {
        "event_id": "t-9",
        "account_id": "a-1",
        "as_of": "2025-02-01T00:00:00Z",
        "occurred_at": "2025-01-30T09:00:00Z",
        "recorded_at": "2025-02-20T00:00:00Z",
    }
    planted = {
        "duplicates": {"planted": 2, "event_ids": ["t-1", "t-2"]},
        "malformed": {"planted": 1, "events": [{"event_id": "t-3", "column": "purpose"}]},
        "late": {"planted": 1, "events": [late]},
    }
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"planted": planted}))
    return path


def a_lake(**tables: list[dict[str, Any]]) -> MemoryTables:
    lake = MemoryTables()
    names = {"quarantine": QUARANTINE, "duplicates": DUPLICATES, "accepted": BANK_TRANSACTIONS, "applicant": APPLICANT}
    for short, rows in tables.items():
        lake.write(names[short], pa.Table.from_pylist(rows))
    return lake


def applicant(observed_until: str) -> dict[str, Any]:
    return {"account_id": "a-1", "as_of": at("2025-02-01T00:00:00"), "observed_until": at(observed_until)}


def test_what_was_planted_is_found_where_it_belongs(labels_file: Path) -> None:
    lake = a_lake(
        quarantine=[{"event_id": "t-3", "column": "purpose"}],
        duplicates=[{"event_id": "t-1"}, {"event_id": "t-2"}],
        accepted=[{"event_id": "t-1"}, {"event_id": "t-9"}],
        applicant=[applicant("2025-01-29T09:00:00")],
    )

    assert found_in_lake(lake, read_labels(labels_file)) == {
        "duplicates": Planted(2, 2),
        "malformed": Planted(1, 1),
        "late": Planted(1, 1),
    }


def test_a_late_event_that_a_feature_saw_is_not_found(labels_file: Path) -> None:
    lake = a_lake(accepted=[{"event_id": "t-9"}], applicant=[applicant("2025-01-30T09:00:00")])

    assert found_in_lake(lake, read_labels(labels_file))["late"] == Planted(1, 0)


def test_a_late_event_that_never_came_in_is_not_found(labels_file: Path) -> None:
    lake = a_lake(accepted=[{"event_id": "t-1"}], applicant=[applicant("2025-01-29T09:00:00")])

    assert found_in_lake(lake, read_labels(labels_file))["late"] == Planted(1, 0)


def test_quarantine_for_another_column_and_a_false_alarm_do_not_count_as_found(labels_file: Path) -> None:
    lake = a_lake(
        quarantine=[{"event_id": "t-3", "column": "currency"}],
        duplicates=[{"event_id": "t-1"}, {"event_id": "t-7"}],
    )

    found = found_in_lake(lake, read_labels(labels_file))

    assert found["malformed"] == Planted(1, 0)
    assert found["duplicates"] == Planted(2, 1)


def test_a_false_alarm_beside_everything_found_shows(labels_file: Path) -> None:
    lake = a_lake(duplicates=[{"event_id": "t-1"}, {"event_id": "t-2"}, {"event_id": "t-7"}])

    assert found_in_lake(lake, read_labels(labels_file))["duplicates"] == Planted(2, 3)
