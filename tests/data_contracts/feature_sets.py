"""A small made-up feature set, as the catalogue would hand it over."""

from __future__ import annotations

from pathlib import Path

from data_contracts.catalog import load_contracts
from data_contracts.contract import Column, ColumnType, Contract, PersonalData, Version
from data_contracts.feature_set import FeatureColumn, feature_set_contract, feature_set_samples
from tests.data_contracts.contract_folder import record_all

ENTITY = (
    Column("account_id", ColumnType.STRING, True, "Whose features.", PersonalData.PSEUDONYMOUS),
    Column("as_of", ColumnType.TIMESTAMP, True, "The moment: nothing later is known.", PersonalData.NONE),
)
FEATURES = (
    FeatureColumn("income_mean_180d", ColumnType.NUMBER, 'Income: "credits"', "minor", 1, -1, "features"),
    FeatureColumn("overdraft_events", ColumnType.INTEGER, "Bookings below zero", "count", 2, 1, "features"),
    FeatureColumn("has_salary", ColumnType.BOOLEAN, "Whether a salary comes", "yes or no", 1, 0, "features"),
)


def feature_set_text(version: str = "1.0.0", features: tuple[FeatureColumn, ...] = FEATURES) -> str:
    return feature_set_contract(
        "made_up",
        Version.parse(version),
        ENTITY,
        features,
        table="features.made_up",
        meaning="What is known of an account: made up.",
        owner="features",
        subject="account_id",
    )


def a_feature_set(folder: Path) -> Contract:
    """The made-up set with its samples in a folder of contracts, released."""
    file = folder / "features" / "made_up" / "v1.0.0.odcs.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(feature_set_text(), encoding="utf-8")
    found = load_contracts(file)
    (folder / "samples").mkdir()
    (folder / "samples" / "made_up.json").write_text(feature_set_samples(found), encoding="utf-8")
    record_all(folder)
    return found
