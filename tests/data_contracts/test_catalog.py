"""Every contract loads, and a broken one is refused with its file and field."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from data_contracts.catalog import FOLDER, ContractFault, contract, contracts, event_contracts, files, load_contracts
from data_contracts.terms import Jurisdiction, Use

BANK_TRANSACTION = FOLDER / "events" / "bank_transaction" / "v1.0.0.odcs.yaml"


def test_every_layer_has_contracts_and_only_events_travel_on_the_stream() -> None:
    of_events = {file.parent.name for file in FOLDER.glob("events/*/v*.odcs.yaml")}

    assert set(contracts()) >= of_events | {"labels", "decision_request", "decision_response"}
    assert {found.name for found in event_contracts().values()} == of_events - {"repayment_line"}
    assert event_contracts()["bank_transaction.v1"].raw_table == "raw.bank_transactions"
    assert contract("repayment_line").raw_table is None
    assert (contract("labels").table, contract("labels").raw_table) == ("features.labels", None)


def test_a_contract_says_whose_data_it_is_for_how_long_and_what_for() -> None:
    terms = contract("bank_transaction").terms

    assert (terms.subject, str(terms.retention), terms.legal_basis) == ("account_id", "7 y", "contract")
    assert (str(terms.frequency), terms.rejected_share_limit) == ("1 d", 20)
    assert terms.allows(Use.CREDIT_DECISION, Jurisdiction.CZ)
    assert not terms.allows(Use.CREDIT_DECISION, Jurisdiction.US)
    assert not contract("loan_outcome").terms.allows(Use.CREDIT_DECISION, Jurisdiction.CZ)


def test_loading_all_contracts_is_fast() -> None:
    """A contract a few milliseconds: commands load all of them before they do anything."""
    took = []
    for _ in range(3):  # the machine may be busy with something else
        began = time.process_time()
        for file in files():
            load_contracts(file)
        took.append(time.process_time() - began)

    assert min(took) < 0.006 * len(files())


def test_an_unknown_contract_is_named_beside_those_that_exist() -> None:
    with pytest.raises(KeyError, match=r"no contract 'star_sign'; there are account, .*bank_transaction"):
        contract("star_sign")


def test_money_is_an_integer_with_a_currency_beside_it_in_every_contract() -> None:
    for found in contracts().values():
        money = [column for column in found.columns if column.name.endswith("_minor")]
        assert all(column.type == "integer" for column in money), found.name
        # A nested payload says the currency beside the amount that was asked for; a vector is in its account's own.
        in_accounts_own = found.name.endswith("_features")
        assert not money or in_accounts_own or {"currency", "requested"} & set(found.by_name), found.name


def test_no_contract_has_a_place_for_a_protected_attribute() -> None:
    names = {column.name for found in contracts().values() for column in found.columns} - {"data_age_days"}
    assert not {name for name in names if any(word in name for word in ("birth", "sex", "gender", "age_", "_age"))}


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        pytest.param("apiVersion: v3.1.0", "apiVersion: v2.0.0", "apiVersion", id="another standard"),
        pytest.param("version: 1.0.0", "version: one", "version", id="no version"),
        pytest.param("version: 1.0.0", "version: 1.2.0", "version", id="a version that is not the file's"),
        pytest.param("logicalType: integer", "logicalType: money", "logicalType", id="an unknown type"),
        pytest.param("required: false", "required: perhaps", "required", id="required that is no yes or no"),
        pytest.param("value: financial", "value: secret", "personalData", id="an unknown class of personal data"),
        pytest.param("metric: rowCount", "metric: rowSum", "metric", id="an unknown metric"),
        pytest.param("earlier: occurred_at", "earlier: began_at", "earlier", id="an ordering of a missing column"),
        pytest.param("column: amount_minor", "column: amount", "quality", id="a rule of a missing column"),
        pytest.param("[!-~]", "[!-~", "pattern", id="a pattern that is none"),
        pytest.param("maxLength: 64", "maxLen: 64", "logicalTypeOptions", id="an option misspelt"),
        pytest.param("- name: sequence", "- name: booked_on", "properties", id="a column written twice"),
        pytest.param("primaryKey: true", "primaryKey: false", "properties", id="no key"),
        pytest.param("  purpose:", "  aim:", "description.purpose", id="no meaning"),
        pytest.param("schema:", "schema: [", "(file)", id="no YAML"),
    ],
)
def test_a_broken_contract_is_refused_with_its_file_and_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    text = BANK_TRANSACTION.read_text(encoding="utf-8")
    assert old in text
    broken = tmp_path / "v1.0.0.odcs.yaml"
    broken.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(ContractFault) as fault:
        load_contracts(broken)

    assert fault.value.file == broken
    assert field in fault.value.field
    assert str(broken) in fault.value.user_message


def test_the_newest_released_version_of_a_contract_is_taken(tmp_path: Path) -> None:
    text = BANK_TRANSACTION.read_text(encoding="utf-8")
    folder = tmp_path / "events" / "bank_transaction"
    folder.mkdir(parents=True)
    for version in ("1.9.0", "1.10.0"):
        released = text.replace("version: 1.0.0", f"version: {version}", 1)
        (folder / f"v{version}.odcs.yaml").write_text(released, encoding="utf-8")

    assert str(contracts(tmp_path)["bank_transaction"].version) == "1.10.0"
