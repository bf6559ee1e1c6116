"""A folder of contracts is judged whole: every fault of every file, with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_contracts.catalog import files, proposed_contracts
from data_contracts.check import check_contracts
from data_contracts.reader import read_contract
from data_contracts.release import ReleaseFault, release_contract
from data_contracts.released import digests
from tests.data_contracts.contract_folder import (
    SAMPLES,
    TEXT,
    a_contract_file,
    a_contract_folder,
    changed,
    line_of,
    record_all,
    write_samples,
)

ONE_ENUM = """\
          - metric: invalidValues
            mustBe: 0
            arguments:
              validValues: [post, bike]
"""
TIGHTENED = "fee_minor: maximum 1000 tightened to 900 (major)"
RETENTION = "  - property: retention\n    value: 7\n    unit: y\n"
NOT_BEFORE = """\
      - name: came_on.not_before
        description: It cannot come before it went.
        engine: tranche
        implementation:
          rule: not_before
          column: came_on
          earlier: sent_on
"""


def faults(folder: Path) -> list[tuple[str, int, str, str]]:
    return [(fault.file.name, fault.line, fault.field, fault.reason) for fault in check_contracts(folder).faults]


def test_our_own_contracts_have_no_fault() -> None:
    report = check_contracts()

    assert [str(fault) for fault in report.faults] == []
    assert report.files >= report.contracts >= 12


def test_a_sound_folder_has_no_fault(tmp_path: Path) -> None:
    assert faults(a_contract_folder(tmp_path)) == []


def test_a_folder_without_contracts_is_a_fault(tmp_path: Path) -> None:
    assert faults(tmp_path) == [(tmp_path.name, 1, "(folder)", "holds no contract")]


@pytest.mark.parametrize(
    ("old", "new", "at", "reason"),
    [
        pytest.param("logicalType: number", "logicalType: money", "logicalType: money", "not one", id="type"),
        pytest.param("team:\n  name: lake\n", "", "apiVersion", "team: missing", id="no owner"),
        pytest.param("  purpose: A parcel was sent.", "  aim: none", "description:", "purpose: missing", id="purpose"),
        pytest.param("[post, bike]", "[post, post]", "validValues: [post", "'post' stands twice", id="a value twice"),
        pytest.param(
            ONE_ENUM,
            f"{ONE_ENUM}{ONE_ENUM.replace('bike', 'car')}",
            "          - metric: invalidValues\n            mustBe: 0\n            arguments:\n"
            "              validValues: [post, car]",
            "a second list of validValues",
            id="two lists of valid values",
        ),
        pytest.param(
            "description: Who brings it.\n",
            "description: Who brings it.\n        logicalTypeOptions:\n          pattern: '[a-p]+'\n",
            "validValues: [post, bike]",
            "the valid value 'post' breaks the pattern [a-p]+",
            id="a valid value breaks the pattern",
        ),
        pytest.param(
            "description: Who brings it.\n",
            "description: Who brings it.\n        logicalTypeOptions:\n          maxLength: 3\n",
            "validValues: [post, bike]",
            "the valid value 'post' is longer than maxLength 3",
            id="a valid value is longer than allowed",
        ),
        pytest.param(
            "          maximum: 1000\n",
            "          maximum: 1000\n        quality:\n          - metric: invalidValues\n            mustBe: 0\n"
            "            arguments:\n              validValues: [5, 2000]\n",
            "validValues: [5, 2000]",
            "the valid value '2000' is above maximum 1000",
            id="a valid value is above the maximum",
        ),
        pytest.param(
            "minimum: 0\n          maximum: 1000\n",
            "minimum: 6\n        quality:\n          - metric: invalidValues\n            mustBe: 0\n"
            "            arguments:\n              validValues: [5, 9]\n",
            "validValues: [5, 9]",
            "the valid value '5' is below minimum 6",
            id="a minimum above what is valid",
        ),
        pytest.param("maximum: 1000", "maximum: -1", "minimum: 0", "minimum 0 is above maximum -1", id="crossed"),
        pytest.param("minimum: 0.5", "minimum: much", "minimum: much", "'much' is no number", id="a bound of no type"),
        pytest.param("minimum: 0.5", "maxLength: 4", "maxLength: 4", "means nothing for a number", id="a stray length"),
        pytest.param("  maxLength: 9", "  maxLen: 9", "maxLen: 9", "unknown; there are maxLength", id="an option"),
        pytest.param(
            "name: is_not_empty",
            "name: came_on.not_before",
            "      - name: came_on.not_before\n        description: The table",
            f"rule came_on.not_before is already on line {line_of(TEXT, '      - name: came_on.not')}",
            id="a rule's name twice",
        ),
        pytest.param(NOT_BEFORE, NOT_BEFORE * 2, f"{NOT_BEFORE}      - name: is", "is already on", id="a rule twice"),
        pytest.param("earlier: sent_on", "earlier: fee_minor", "earlier: fee_minor", "have no order", id="no order"),
        pytest.param("value: shopper_id", "value: courier_id", "value: courier_id", "no column 'courier_id'", id="who"),
        pytest.param(
            "  - property: subjectColumn\n    value: shopper_id\n",
            "",
            "customProperties:\n  - property: cur",
            "shopper_id touch a",
            id="no who",
        ),
        pytest.param(
            "name: fee_minor\n        logicalType: integer",
            "name: fee_minor\n        logicalType: number",
            "logicalType: number",
            "money is integer minor units, never number",
            id="money that is no integer",
        ),
        pytest.param("value: pseudonymous", "value: secret", "value: secret", "'secret' is not one", id="class"),
        pytest.param("value: contract", "value: habit", "value: habit", "'habit' is not one", id="legal basis"),
        pytest.param(
            "  - property: legalBasis\n    value: contract\n", "", "customProperties:\n  - prop", "missing", id="basis"
        ),
        pytest.param(
            "  - property: consumers\n",
            "  - property: readers\n",
            "customProperties:\n  - prop",
            "missing",
            id="readers",
        ),
        pytest.param(
            "  - property: allowedUse\n", "  - property: uses\n", "customProperties:\n  - prop", "missing", id="uses"
        ),
        pytest.param("slaProperties:\n" + RETENTION, "", "apiVersion", "retention: missing", id="no promises at all"),
        pytest.param(
            "value: contract", "value: none", "value: none\n  - property: subj", "is somebody's", id="no basis"
        ),
        pytest.param("jurisdiction: GB", "jurisdiction: XX", "jurisdiction: XX", "'XX' is not one", id="jurisdiction"),
        pytest.param("[reporting]", "[gossip]", "uses: [gossip]", "'gossip' is not one of", id="use"),
        pytest.param("value: 7", "value: -7", "value: -7", "-7 is not a whole number", id="-7"),
        pytest.param("value: 7", "value: 0", "value: 0\n    unit", "0 is no length of time", id="retention of nothing"),
        pytest.param("unit: y", "unit: moons", "unit: moons", "'moons' is not one of y, d, h", id="retention's unit"),
        pytest.param(
            RETENTION, "  - property: latency\n    value: 1\n    unit: h\n", "slaP", "retention: missing", id="none"
        ),
        pytest.param(RETENTION, RETENTION * 2, f"{RETENTION}custom", "retention is already said above", id="two of it"),
        pytest.param("toleratesNewValues: true", "toleratesNewValues: maybe", "maybe", "true or false", id="tolerance"),
        pytest.param(
            "name: the courier", "name: pipelines.curate", "    value:\n      - name: pip", "twice", id="reader"
        ),
        pytest.param(
            "- name: came_on\n",
            "- name: sent_on\n",
            "- name: sent_on\n        logicalType: date\n        required: false\n        description: The day it came",
            "column sent_on is already",
            id="column",
        ),
        pytest.param(
            "[parcel.v1]", "[letter.v1]", "- name: event_type", "events of this contract are parcel.v1", id="a type"
        ),
        pytest.param("status: active", "status: active\nstatus: old", "status: old", "stands twice", id="a key twice"),
    ],
)
def test_a_bad_contract_is_refused_with_file_line_and_reason(
    tmp_path: Path, old: str, new: str, at: str, reason: str
) -> None:
    text = changed((old, new))
    file = a_contract_file(tmp_path, text)

    found = [
        fault for fault in check_contracts(tmp_path).faults if fault.file == file and "recorded" not in fault.reason
    ]

    assert any(reason in f"{fault.field}: {fault.reason}" and fault.line == line_of(text, at) for fault in found), [
        str(fault) for fault in found
    ]
    assert found[0].user_message.startswith(f"{file}:{found[0].line}: ")


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    broken = changed(("logicalType: number", "logicalType: money"), ("value: 7", "value: never"))
    a_contract_file(tmp_path, broken)
    a_contract_file(tmp_path, "name: [", of="letter")

    found = [(file, line) for file, line, _, reason in faults(tmp_path) if "recorded" not in reason]

    assert found == [
        ("v1.0.0.odcs.yaml", 2),
        ("v1.0.0.odcs.yaml", line_of(broken, "logicalType: money")),
        ("v1.0.0.odcs.yaml", line_of(broken, "value: never")),
    ]


@pytest.mark.parametrize("value", ["", "[]", "{}", "7", "-1.5", "true", "[a, {b: c}]", "{a: [b]}", "1995-02-30", "*x"])
def test_whatever_stands_anywhere_is_a_contract_or_a_fault_and_never_an_accident(tmp_path: Path, value: str) -> None:
    lines = TEXT.splitlines()
    file = a_contract_file(tmp_path)
    refused = 0
    for at, line in enumerate(lines):
        key = line.partition(":")[0]
        file.write_text("\n".join([*lines[:at], f"{key}: {value}", *lines[at + 1 :]]) + "\n")
        reading = read_contract(file)
        assert (reading.contract is None) is bool(reading.faults)
        refused += bool(reading.faults)
    assert refused > len(lines) / 2


def without(rule: str) -> dict[str, Any]:
    return SAMPLES | {"invalid": {name: each for name, each in SAMPLES["invalid"].items() if name != rule}}


def with_sample(rule: str, change: dict[str, Any]) -> dict[str, Any]:
    return SAMPLES | {"invalid": SAMPLES["invalid"] | {rule: change}}


@pytest.mark.parametrize(
    ("samples", "file", "field", "reason"),
    [
        pytest.param(without("carrier.enum"), "v1.0.0.odcs.yaml", "carrier.enum", "has no failing sample", id="none"),
        pytest.param(
            SAMPLES | {"valid": SAMPLES["valid"] | {"carrier": None}},
            "v1.0.0.odcs.yaml",
            "carrier.enum",
            "has no passing sample: no valid sample has a value there",
            id="no passing one",
        ),
        pytest.param(
            with_sample("weight.maximum", {"weight": 99}),
            "parcel.json",
            "weight.maximum",
            "there is no rule weight.maximum in parcel",
            id="of no rule",
        ),
        pytest.param(
            with_sample("carrier.enum", {"carrier": "post"}),
            "parcel.json",
            "carrier.enum",
            "the failing sample does not break it",
            id="a failing sample that passes",
        ),
        pytest.param(
            SAMPLES | {"valid": SAMPLES["valid"] | {"fee_minor": 5000}},
            "parcel.json",
            "fee_minor.maximum",
            "a valid sample breaks it with '5000'",
            id="a passing sample that fails",
        ),
    ],
)
def test_a_rule_and_its_samples_belong_together(
    tmp_path: Path, samples: dict[str, Any], file: str, field: str, reason: str
) -> None:
    a_contract_folder(tmp_path, samples)
    text = (tmp_path / "samples" / "parcel.json").read_text()
    line = line_of(TEXT, "name: carrier") if file.endswith("yaml") else line_of(text, f'"{field}"')
    if "valid sample breaks" in reason:
        line = line_of(text, '"valid"')

    assert (file, line, field, reason) in faults(tmp_path)


A_RULE_THAT_SAYS_NOT_HOW = """\
      - name: fees_are_plausible
        description: Fees in the wrong unit shift the mean.
        engine: greatExpectations
        implementation:
          type: expect_column_mean_to_be_between
          kwargs:
            column: fee_minor
            max_value: 500
"""


def test_a_rule_over_the_table_needs_tables_unless_they_follow_from_it(tmp_path: Path) -> None:
    text = changed(("      - name: is_not_empty", f"{A_RULE_THAT_SAYS_NOT_HOW}      - name: is_not_empty"))
    a_contract_folder(tmp_path)
    a_contract_file(tmp_path, text)
    record_all(tmp_path)
    line = line_of(text, "- name: fees_are_plausible")
    missing = "has no tables among the samples, passing and failing"

    assert faults(tmp_path) == [("v1.0.0.odcs.yaml", line, "fees_are_plausible", missing)]

    tables = {"fees_are_plausible": {"passing": [{}], "failing": [{"fee_minor": 900}]}, "fees_are_high": {}}
    write_samples(tmp_path, SAMPLES | {"tables": tables})
    assert [(file, field, reason) for file, _, field, reason in faults(tmp_path)] == [
        ("parcel.json", "fees_are_high", "there is no rule fees_are_high in parcel")
    ]


def test_a_contract_without_samples_and_samples_without_a_contract_are_faults(tmp_path: Path) -> None:
    a_contract_file(tmp_path)
    record_all(tmp_path)
    write_samples(tmp_path, SAMPLES, of="letter")

    assert faults(tmp_path) == [
        ("letter.json", 1, "(file)", "there is no contract letter"),
        ("parcel.json", 1, "(file)", "there is no such file of samples"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "Expecting property"), ('{"valid": {}}', "no samples"), ('{"valid": [], "invalid": {}}', "JSON object")],
)
def test_a_file_of_samples_that_is_none_is_named(tmp_path: Path, text: str, reason: str) -> None:
    a_contract_folder(tmp_path)
    (tmp_path / "samples" / "parcel.json").write_text(text)

    ((file, _, _, told),) = faults(tmp_path)

    assert file == "parcel.json"
    assert reason in told


def test_two_contracts_share_no_table_and_no_event_type(tmp_path: Path) -> None:
    a_contract_folder(tmp_path)
    same_tables = changed(("name: parcel", "name: letter"), ("[parcel.v1]", "[letter.v1]"))
    a_contract_file(tmp_path, same_tables, of="letter")
    write_samples(tmp_path, SAMPLES, of="letter")
    same_type = changed(
        ("physicalName: raw.parcels", "physicalName: raw.crates"), ("curated.parcels", "curated.crates")
    )
    a_contract_file(tmp_path, same_type, of="crate")
    write_samples(tmp_path, SAMPLES, of="crate")
    record_all(tmp_path)

    told = {(field, reason) for _, _, field, reason in faults(tmp_path)}

    assert ("table", "raw.parcels is already the table of letter") in told
    assert ("curatedTable", "curated.parcels is already the table of letter") in told
    assert ("name", "'parcel' lies in the folder of 'crate'") in told
    assert any(
        field == "name" and reason.startswith("event type parcel.v1 is already that of") for field, reason in told
    )


def test_a_released_file_that_changed_or_went_is_refused(tmp_path: Path) -> None:
    a_contract_folder(tmp_path)
    a_contract_file(tmp_path, changed(("The day it went.", "The day it left.")))

    assert faults(tmp_path) == [
        ("v1.0.0.odcs.yaml", 1, "(file)", "released versions are immutable; write next.odcs.yaml")
    ]

    (tmp_path / "events" / "parcel" / "v1.0.0.odcs.yaml").rename(tmp_path / "elsewhere.yaml")
    assert ("v1.0.0.odcs.yaml", 1, "(file)", "was released and is gone; released versions are immutable") in faults(
        tmp_path
    )


def test_a_proposal_whose_number_is_too_small_is_refused_with_the_consumers(tmp_path: Path) -> None:
    a_contract_folder(tmp_path)
    text = changed(("version: 1.0.0", "version: 1.1.0"), ("maximum: 1000", "maximum: 900"))
    a_contract_file(tmp_path, text, name="next.odcs.yaml")

    assert faults(tmp_path) == [
        (
            "next.odcs.yaml",
            line_of(text, "version: 1.1.0"),
            "version",
            f"1.1.0 may not replace 1.0.0: {TIGHTENED}. Consumers: pipelines.curate, the courier",
        )
    ]


def test_a_released_pair_whose_number_is_too_small_is_refused(tmp_path: Path) -> None:
    a_contract_folder(tmp_path)
    a_contract_file(tmp_path, changed(("version: 1.0.0", "version: 1.0.1"), ("maximum: 1000", "maximum: 2000")),
                    name="v1.0.1.odcs.yaml")  # fmt: skip
    record_all(tmp_path)
    write_samples(tmp_path, with_sample("fee_minor.maximum", {"fee_minor": 2001}))

    assert [(file, reason.partition(".")[0]) for file, _, _, reason in faults(tmp_path)] == [("v1.0.1.odcs.yaml", "1")]


def test_releasing_gives_a_proposal_its_name_and_records_it(tmp_path: Path) -> None:
    a_contract_folder(tmp_path)
    proposal = changed(("version: 1.0.0", "version: 1.1.0"), ("maximum: 1000", "maximum: 2000"))
    a_contract_file(tmp_path, proposal, name="next.odcs.yaml")

    with pytest.raises(ReleaseFault, match=r"parcel is not released: .*fee_minor\.maximum: the failing sample"):
        release_contract("parcel", tmp_path)
    assert len(proposed_contracts(tmp_path)) == 1

    # Until it is released both versions hold, and what breaks the newer one breaks the older one too.
    write_samples(tmp_path, with_sample("fee_minor.maximum", {"fee_minor": 2001}))
    assert release_contract("parcel", tmp_path).released == ("events/parcel/v1.1.0.odcs.yaml",)
    assert [file.name for file in files(tmp_path)] == ["v1.0.0.odcs.yaml", "v1.1.0.odcs.yaml"]
    assert files(tmp_path)[1].read_text() == proposal
    assert sorted(digests(tmp_path)) == ["events/parcel/v1.0.0.odcs.yaml", "events/parcel/v1.1.0.odcs.yaml"]
    assert faults(tmp_path) == []
    with pytest.raises(ReleaseFault, match="there is nothing to release of parcel"):
        release_contract("parcel", tmp_path)


def test_the_record_of_releases_is_plain(tmp_path: Path) -> None:
    a_contract_folder(tmp_path)

    recorded = json.loads((tmp_path / "released.json").read_text())

    assert list(recorded) == ["events/parcel/v1.0.0.odcs.yaml"]
    assert len(recorded["events/parcel/v1.0.0.odcs.yaml"]) == 64
