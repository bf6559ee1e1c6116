"""`tranche contracts`: what it prints and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.data_contracts.contract_folder import TEXT, a_contract_file, a_contract_folder, changed, line_of
from tranche.__main__ import main

TIGHTENED = "fee_minor: maximum 1000 tightened to 900 (major)"


def test_a_sound_folder_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contracts", "check", str(a_contract_folder(tmp_path))]) == 0
    assert capsys.readouterr().out == "1 contracts in 1 files: 0 faults\n"


def test_faults_are_told_with_file_and_line_and_end_with_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_contract_folder(tmp_path)
    text = changed(("logicalType: number", "logicalType: money"), ("team:\n  name: lake\n", ""))
    file = a_contract_file(tmp_path, text)

    assert main(["contracts", "check", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        f"{file}:1: team: missing, or not a mapping",
        f"{file}:1: (file): released versions are immutable; write next.odcs.yaml",
    ]
    assert lines[2].startswith(
        f"{file}:{line_of(text, 'logicalType: money')}: schema[0].properties[5](weight).logicalT"
    )
    assert lines[-1] == "1 contracts in 1 files: 3 faults"

    assert main(["contracts", "check", str(tmp_path), "--json"]) == 1
    assert [each["field"] for each in json.loads(capsys.readouterr().out)["faults"]][:2] == ["team", "(file)"]


def test_two_versions_are_compared_and_the_consumers_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = a_contract_file(tmp_path / "old")
    text = changed(("version: 1.0.0", "version: 1.1.0"), ("maximum: 1000", "maximum: 900"))
    new = a_contract_file(tmp_path / "new", text, name="next.odcs.yaml")

    assert main(["contracts", "compare", str(old), str(new)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        TIGHTENED,
        f"1.1.0 may not replace 1.0.0: {TIGHTENED}. Consumers: pipelines.curate, the courier",
    ]

    new.write_text(changed(("version: 1.1.0", "version: 2.0.0"), ("[parcel.v1]", "[parcel.v2]"), text=text))
    assert main(["contracts", "compare", str(old), str(new)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2.0.0 may replace 1.0.0: 1 change"
    assert main(["contracts", "compare", str(old), str(new), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "changes": [{"level": "major", "subject": "fee_minor", "what": "maximum 1000 tightened to 900"}],
        "consumers": ["pipelines.curate", "the courier"],
        "refused": None,
    }


@pytest.mark.parametrize(
    ("form", "key", "value"),
    [
        ("spark", "type", "struct"),
        ("iceberg", "schema-id", 0),
        ("json", "title", "account"),
        ("model", "title", "account"),
    ],
)
def test_a_schema_is_printed_for_whoever_reads_it(
    form: str, key: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["contracts", "schema", "account", "--as", form]) == 0
    assert json.loads(capsys.readouterr().out)[key] == value


def test_an_unknown_contract_a_broken_file_and_nothing_to_release_are_one_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = a_contract_file(tmp_path, TEXT.replace("v3.1.0", "v1"))

    assert main(["contracts", "schema", "star_sign", "--as", "json"]) == 2
    assert main(["contracts", "compare", str(broken), str(broken)]) == 2
    assert main(["contracts", "release", "account"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: there is no contract 'star_sign'; there are account, ")
    assert lines[1] == f"error: {broken}:1: apiVersion: 'v1' where 'v3.1.0' is needed"
    assert lines[2] == "error: there is nothing to release of account: no next.odcs.yaml, and every version is recorded"


def test_pages_are_written_where_they_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contracts", "page", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{len(list(tmp_path.glob('*.md')))} pages in {tmp_path}\n"
    assert (tmp_path / "bank_transaction.md").exists()
