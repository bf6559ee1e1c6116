"""A planted fault counts as found under its own identity only; a miss and a false alarm never cancel out."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from payments.reconciliation.standing import ListedBreak, Standing
from pipelines.lake.memory import MemoryTables
from tranche.demo.planted import (
    APPLICANT,
    BANK_TRANSACTIONS,
    DUPLICATES,
    QUARANTINE,
    found_in_files,
    found_in_lake,
    read_labels,
)
from tranche.report.summary import Planted


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


def a_break(
    code: str, expectation_id: str = "", reason: str = "", *, line_id: str = "", cured: bool = False
) -> ListedBreak:
    day = date(2026, 2, 1)
    return ListedBreak(
        break_id=f"expectation:{expectation_id}",
        break_class=code,
        line_id=line_id,
        expectation_id=expectation_id,
        amount=None,
        reason=reason,
        owner="",
        severity="",
        opened_on=day,
        due_by=day,
        age_days=0,
        closed_on=day if cured else None,
        closed_by="shown" if cured else None,
    )


def a_standing(*listed: ListedBreak, late: tuple[str, ...] = ()) -> Standing:
    return Standing(date(2026, 3, 1), 0, 0, 0, 0, {}, {}, 0, 0, {}, late, (), (), listed)


FAULTS_OF_FILES = (
    "late", "missing_line", "returned", "parked", "duplicates", "cut_file", "wrong_balance", "unknown_credit",
)  # fmt: skip


def planted(*faults: tuple[str, str]) -> dict[str, Any]:
    return {"planted": [{"kind": kind, "about": about} for kind, about in faults]}


def test_faults_of_files_are_found_as_the_breaks_that_name_them() -> None:
    standing = a_standing(
        a_break("E3", "capture:p-1/1#1"),
        a_break("E3", "capture:p-2/1#1", cured=True),
        a_break("E3", "payout:po-2026-02-01-GBP"),
        a_break("E5", reason="settlement-2026-02-01-GBP-again.csv has the bytes of settlement-2026-02-01-GBP.csv"),
        a_break("E16", "return:p-3/1#1", cured=True),
        a_break("E19", reason="po-2026-02-01-GBP: booked on bank account former, which is not on our chart"),
        a_break("E22", reason="in/settlement-2026-02-08-GBP-1.csv:4: (control row): it was cut short"),
        a_break("E26", reason="in/statement-2026-02-09-main-GBP-1.xml:0: closing balance: the file says 2"),
        a_break("E4", reason="nothing is open for it", line_id="main/main-GBP-0016@2026-02-20/2"),
        a_break("E4", reason="from an agency", line_id="main/main-GBP-0017@2026-02-21/1"),
        late=("capture:p-2/1#1",),
    )
    faults = planted(
        ("missing_line", "p-1/1#1"),
        ("late", "p-2/1#1"),
        ("returned", "p-3/1#1"),
        ("parked", "po-2026-02-01-GBP"),
        ("duplicated_file", "settlement-2026-02-01-GBP.csv"),
        ("cut_file", "settlement-2026-02-08-GBP-1.csv"),
        ("wrong_balance", "statement-2026-02-09-main-GBP-1.xml"),
        ("unknown_credit", "main/main-GBP-0016@2026-02-20/2"),
    )

    found = found_in_files(standing, faults)

    assert found == dict.fromkeys(FAULTS_OF_FILES, Planted(1, 1))


def test_a_break_about_something_else_is_not_the_planted_one() -> None:
    standing = a_standing(a_break("E3", "capture:p-9/1#1"), a_break("E19", reason="po-other: booked elsewhere"))

    found = found_in_files(standing, planted(("missing_line", "p-1/1#1"), ("parked", "po-1")))

    assert found["missing_line"] == Planted(1, 0)
    assert found["parked"] == Planted(1, 0)


def test_a_break_that_nobody_planted_shows() -> None:
    found = found_in_files(a_standing(a_break("E16", "return:p-3/1#1", cured=True)), planted())

    assert found["returned"] == Planted(0, 1)
