"""The contracts of the feature tables say what the catalogue says."""

import pytest

from data_contracts.catalog import FOLDER, contract
from features.catalog import FEATURE_SETS, FeatureSet
from features.contract import contract_name, contract_text


@pytest.mark.parametrize("of", FEATURE_SETS.values(), ids=FEATURE_SETS.keys())
def test_the_released_contract_of_a_feature_set_is_the_catalogues(of: FeatureSet) -> None:
    released = contract(contract_name(of))
    file = FOLDER / "features" / released.name / f"v{released.version}.odcs.yaml"

    assert released.table == of.table
    assert file.read_text(encoding="utf-8") == contract_text(of, released.version), (
        f"the catalogue has changed: write `tranche features contract --entity {of.entity} --version …` to "
        f"{file.with_name('next.odcs.yaml').relative_to(FOLDER)}, then `tranche contracts release {released.name}`"
    )
