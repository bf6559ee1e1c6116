"""A feature set's contract is written from its features and keeps all that a contract must keep."""

from __future__ import annotations

from pathlib import Path

import yaml

from data_contracts.catalog import contracts, load_contracts
from data_contracts.check import check_contracts
from data_contracts.compatibility import contract_changes
from data_contracts.contract import ColumnType
from data_contracts.schemas import spark_ddl
from data_contracts.terms import Jurisdiction, Use
from tests.data_contracts.contract_folder import a_contract_file
from tests.data_contracts.feature_sets import FEATURES, a_feature_set, feature_set_text


def test_a_written_feature_set_is_a_sound_contract_of_its_layer(tmp_path: Path) -> None:
    found = a_feature_set(tmp_path)

    assert [str(fault) for fault in check_contracts(tmp_path).faults] == []
    assert contracts(tmp_path) == {"made_up": found}
    assert (found.table, found.raw_table, found.key) == ("features.made_up", None, ("account_id", "as_of"))
    assert found.terms.subject == "account_id"
    assert found.terms.allows(Use.CREDIT_DECISION, Jurisdiction.GB)
    assert spark_ddl(found).splitlines() == [
        "account_id STRING,",
        "as_of TIMESTAMP,",
        "income_mean_180d DOUBLE,",
        "overdraft_events BIGINT,",
        "has_salary BOOLEAN",
    ]


def test_a_feature_is_never_required_and_carries_what_the_catalogue_says_of_it() -> None:
    document = yaml.safe_load(feature_set_text())
    (income,) = (each for each in document["schema"][0]["properties"] if each["name"] == "income_mean_180d")

    assert income["required"] is False
    assert income["description"] == 'Income: "credits"'
    assert {each["property"]: each["value"] for each in income["customProperties"]} == {
        "personalData": "financial",
        "unit": "minor",
        "featureVersion": 1,
        "monotone": -1,
        "featureOwner": "features",
    }


def test_a_feature_more_is_a_minor_version_and_one_less_a_major_one(tmp_path: Path) -> None:
    of_two = load_contracts(a_contract_file(tmp_path / "two", feature_set_text(features=FEATURES[:2]), of="made_up"))
    of_three = load_contracts(a_contract_file(tmp_path / "three", feature_set_text(), of="made_up"))

    assert [str(change) for change in contract_changes(of_two, of_three)] == ["has_salary: added as optional (minor)"]
    assert [str(change) for change in contract_changes(of_three, of_two)] == ["has_salary: dropped, or renamed (major)"]
    assert of_three.by_name["has_salary"].type is ColumnType.BOOLEAN
