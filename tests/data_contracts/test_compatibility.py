"""What a new version may change: every row of the table of evolution, and what the table leaves open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from data_contracts.catalog import load_contracts
from data_contracts.compatibility import Level, breaking, contract_changes, refusal
from data_contracts.contract import Version
from data_contracts.terms import Consumer
from tests.data_contracts.contract_folder import TEXT, a_contract_file, changed

AN_OPTIONAL_COLUMN = """\
      - name: colour
        logicalType: string
        required: false
        description: What it looks like.
        customProperties:
          - property: personalData
            value: none
"""
FIRST = "      - name: event_id\n"
CAME_ON = TEXT[TEXT.index("      - name: came_on\n") : TEXT.index("    quality:\n      - name")]
ORDER = TEXT[TEXT.index("      - name: came_on.not_before") : TEXT.index("      - name: is_not_empty")]
ENUM = """\
        quality:
          - metric: invalidValues
            mustBe: 0
            arguments:
              validValues: [post, bike]
"""
A_FILE = (
    ("physicalName: raw.parcels", "tags: [mail]"),
    ("  - property: curatedTable\n    value: curated.parcels\n", ""),
)
INTOLERANT = (
    "name: the courier\n        toleratesNewValues: true",
    "name: the courier\n        toleratesNewValues: false",
)


def levels(tmp_path: Path, before: str, after: str) -> list[tuple[str, Level]]:
    old = load_contracts(a_contract_file(tmp_path / "old", before))
    new = load_contracts(a_contract_file(tmp_path / "new", after))
    return [(change.subject, change.level) for change in contract_changes(old, new)]


@pytest.mark.parametrize(
    ("change", "subject", "level"),
    [
        pytest.param((FIRST, AN_OPTIONAL_COLUMN + FIRST), "colour", Level.MINOR, id="an optional field added"),
        pytest.param(
            (FIRST, AN_OPTIONAL_COLUMN.replace("false", "true") + FIRST), "colour", Level.MAJOR, id="a required one"
        ),
        pytest.param(("[post, bike]", "[post, bike, drone]"), "carrier", Level.MINOR, id="an enum value added"),
        pytest.param(("[post, bike]", "[post]"), "carrier", Level.MAJOR, id="an enum value taken away"),
        pytest.param((ENUM, ""), "carrier", Level.MINOR, id="any value allowed"),
        pytest.param(("name: weight", "name: mass"), "weight", Level.MAJOR, id="a field renamed"),
        pytest.param((CAME_ON + "    quality:\n" + ORDER, "    quality:\n"), "came_on", Level.MAJOR, id="dropped"),
        pytest.param(
            ("name: sent_on\n        logicalType: date\n        required: false",
             "name: sent_on\n        logicalType: date\n        required: true"),
            "sent_on", Level.MAJOR, id="a field became required",
        ),
        pytest.param(
            ("description: What it costs.\n", "description: The fee.\n"), "fee_minor", Level.PATCH, id="other words"
        ),
        pytest.param(("maximum: 1000", "maximum: 999"), "fee_minor", Level.MAJOR, id="a maximum tightened"),
        pytest.param(("maximum: 1000", "maximum: 1001"), "fee_minor", Level.MINOR, id="a maximum loosened"),
        pytest.param(("          maximum: 1000\n", ""), "fee_minor", Level.MINOR, id="a maximum gone"),
        pytest.param(("minimum: 0\n", "minimum: 1\n"), "fee_minor", Level.MAJOR, id="a minimum tightened"),
        pytest.param(("minimum: 0.5", "minimum: 0.25"), "weight", Level.MINOR, id="a minimum loosened"),
        pytest.param(("minimum: 0.5", "minimum: 0.5\n          maximum: 9"), "weight", Level.MAJOR, id="a new limit"),
        pytest.param(("maxLength: 9", "maxLength: 8"), "shopper_id", Level.MAJOR, id="a length tightened"),
        pytest.param(("maxLength: 9", "maxLength: 10"), "shopper_id", Level.MINOR, id="a length loosened"),
        pytest.param(("[a-z]{1,9}", "[a-z]{1,8}"), "shopper_id", Level.MAJOR, id="a pattern changed"),
        pytest.param(('          pattern: "[a-z]{1,9}"\n', ""), "shopper_id", Level.MINOR, id="a pattern gone"),
        pytest.param((ORDER, ""), "came_on", Level.MINOR, id="an order gone"),
        pytest.param(("value: pseudonymous", "value: personal"), "shopper_id", Level.MAJOR, id="more personal"),
        pytest.param(("[reporting]", "[reporting, collection]"), "allowedUse", Level.MINOR, id="a use allowed"),
        pytest.param(("[reporting]", "[collection]"), "allowedUse", Level.MAJOR, id="a use withdrawn"),
        pytest.param(("value: contract", "value: legal_obligation"), "legalBasis", Level.MAJOR, id="other grounds"),
        pytest.param(("value: 7", "value: 6"), "retention", Level.MAJOR, id="kept for less long"),
        pytest.param(("value: 7", "value: 8"), "retention", Level.MINOR, id="kept longer"),
        pytest.param(("curated.parcels", "curated.mail"), "curatedTable", Level.MAJOR, id="another table"),
        pytest.param(("mustBeGreaterThan: 0", "mustBeGreaterThan: 9"), "quality", Level.MINOR, id="another gate"),
        pytest.param(("  name: lake", "  name: mail"), "words", Level.PATCH, id="another owner"),
    ],
)  # fmt: skip
def test_each_change_needs_its_version(tmp_path: Path, change: tuple[str, str], subject: str, level: Level) -> None:
    assert (subject, level) in levels(tmp_path, TEXT, changed(change))


def test_nothing_changed_is_no_change(tmp_path: Path) -> None:
    assert levels(tmp_path, TEXT, TEXT) == []


def test_a_value_more_is_minor_only_where_everybody_tolerates_it(tmp_path: Path) -> None:
    before = changed(INTOLERANT)

    assert levels(tmp_path, before, changed(INTOLERANT, ("[post, bike]", "[post, bike, drone]"))) == [
        ("carrier", Level.MAJOR)
    ]
    may_be_empty = changed(
        INTOLERANT, ("name: fee_minor\n        logicalType: integer\n        required: true",
                     "name: fee_minor\n        logicalType: integer\n        required: false"))  # fmt: skip
    assert levels(tmp_path, before, may_be_empty) == [("fee_minor", Level.MAJOR)]
    tolerated = changed(*[(new, old) for old, new in [INTOLERANT]], text=may_be_empty)
    assert levels(tmp_path, TEXT, tolerated) == [("fee_minor", Level.MINOR)]


def test_a_wider_type_is_minor_in_a_message_and_major_in_a_table(tmp_path: Path) -> None:
    narrow = changed(("logicalType: number", "logicalType: integer"), ("minimum: 0.5", "minimum: 1"))
    wide = changed(("minimum: 0.5", "minimum: 1"))

    assert levels(tmp_path, narrow, wide) == [("weight", Level.MAJOR)]
    assert levels(tmp_path, changed(*A_FILE, text=narrow), changed(*A_FILE, text=wide)) == [("weight", Level.MINOR)]
    assert levels(tmp_path, changed(*A_FILE, text=wide), changed(*A_FILE, text=narrow)) == [("weight", Level.MAJOR)]


def test_a_key_is_never_changed_by_the_way(tmp_path: Path) -> None:
    moved = changed(
        ("        primaryKey: true\n", ""),
        ("description: Who gets it.", "description: Who gets it.\n        primaryKey: true"),
    )

    assert ("key", Level.MAJOR) in levels(tmp_path, TEXT, moved)


@pytest.mark.parametrize(
    ("version", "change", "refused"),
    [
        pytest.param("1.0.1", ("A parcel was sent.", "A parcel went."), False, id="words in a patch"),
        pytest.param("1.0.1", ("maximum: 1000", "maximum: 1001"), True, id="a looser limit in a patch"),
        pytest.param("1.1.0", ("maximum: 1000", "maximum: 1001"), False, id="a looser limit in a minor version"),
        pytest.param("1.1.0", ("maximum: 1000", "maximum: 999"), True, id="a tighter limit in a minor version"),
        pytest.param("2.0.0", ("maximum: 1000", "maximum: 999"), False, id="a tighter limit in a major version"),
        pytest.param("0.9.0", ("A parcel was sent.", "A parcel went."), True, id="a version that goes back"),
    ],
)
def test_a_version_may_carry_what_its_number_says(
    tmp_path: Path, version: str, change: tuple[str, str], refused: bool
) -> None:
    old = load_contracts(a_contract_file(tmp_path / "old"))
    new = replace(load_contracts(a_contract_file(tmp_path / "new", changed(change))), version=Version.parse(version))

    assert (refusal(old, new) is not None) is refused


def test_a_refusal_names_the_breaking_changes_and_who_reads_the_record(tmp_path: Path) -> None:
    old = load_contracts(a_contract_file(tmp_path / "old"))
    file = a_contract_file(tmp_path / "new", changed(("maximum: 1000", "maximum: 999"), ("name: weight", "name: mass")))
    new = replace(load_contracts(file), version=Version(1, 1, 0))
    old = replace(old, terms=replace(old.terms, consumers=(Consumer("the courier", tolerates_new_values=False),)))

    assert [change.subject for change in breaking(old, new)] == ["weight", "fee_minor"]
    assert refusal(old, new) == (
        "1.1.0 may not replace 1.0.0: weight: dropped, or renamed (major); "
        "fee_minor: maximum 1000 tightened to 999 (major). Consumers: the courier"
    )
