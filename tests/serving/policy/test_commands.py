"""`tranche policy`: what is wrong is named with file and line, and the exit code says whether all is well."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lending.terms.policy_file import SHIPPED
from tranche.__main__ import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "own policies"
    shutil.copytree(SHIPPED, place)
    return place


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main(["policy", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_policies_that_ship_are_sound_and_tested(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = told(capsys, "lint")
    assert (code, found["troubles"], len(found["policies"])) == (0, [], 4)
    code, found = told(capsys, "test")
    assert code == 0
    assert all(case["passed"] for case in found["cases"])


def test_lint_names_everything_that_is_wrong_not_only_the_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(folder / "gb-short-1.toml", "above = 31", "above = nan")
    edit(folder / "gb-monthly-1.toml", "feature.tenure_days", "feature.shoe_size")
    edit(folder / "cz-monthly-1.csv", "referred,DATA_STALE", "declined,DATA_STALE")
    (folder / "gb-pay-in-3-1.csv").unlink()

    code, found = told(capsys, "lint", "--folder", str(folder))

    assert code == 1
    said = [f"{each['file']}: {each['place']}: {each['reason']}" for each in found["troubles"]]
    for trouble in (
        "gb-short-1.toml: rule vector-fresh: its threshold nan is no number to compare with",
        "gb-monthly-1.toml: rule tenure: shoe_size is no feature of the catalogue",
        "cz-monthly-1.csv: outcome: vector-fresh: fires: is referred DATA_STALE, not declined DATA_STALE",
        "gb-pay-in-3-1.toml: cases: has no table of cases beside it; gb-pay-in-3-1.csv would be it",
    ):
        assert trouble in said


def test_test_fails_for_a_case_with_another_outcome(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "gb-monthly-1.toml", "below = 90", "below = 30")

    code, found = told(capsys, "test", "--folder", str(folder))

    assert code == 1
    assert {case["case"] for case in found["cases"] if not case["passed"]} == {"tenure: fires"}


def test_diff_and_list_tell_two_versions_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = folder / "gb-monthly-1.toml", folder / "gb-monthly-2.toml"
    shutil.copy(first, second)
    edit(second, 'version = "1"', 'version = "2"')
    edit(second, "2020-01-01", "2026-06-01")
    edit(second, "above = 250_000", "above = 200_000")

    code, found = told(capsys, "diff", str(first), str(second))
    assert (code, [each["place"] for each in found["changes"]]) == (
        0, ["version", "valid_from", "rule exposure-limit"],
    )  # fmt: skip

    for day, holding in (("2026-05-31", "1"), ("2026-06-01", "2")):
        _, found = told(capsys, "list", "--folder", str(folder), "--on", day)
        (holds,) = [
            each["version"] for each in found["policies"] if each["policy_id"] == "gb-monthly" and each["holds_for"]
        ]
        assert holds == holding


def test_an_empty_folder_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "lint", "--folder", str(tmp_path)]) == 2
    assert "has no policy" in capsys.readouterr().err
