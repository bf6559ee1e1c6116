"""A feature set as the contract of its table, written from the catalogue."""

from data_contracts.contract import Column, ColumnType, PersonalData, Version
from data_contracts.feature_set import FeatureColumn, feature_set_contract
from features.as_of import is_whole
from features.catalog import FeatureSet

_ENTITY_COLUMNS = {
    "account_id": Column(
        "account_id", ColumnType.STRING, True, "The bank account that is looked at.", PersonalData.PSEUDONYMOUS
    ),
    "merchant_id": Column("merchant_id", ColumnType.STRING, True, "The merchant.", PersonalData.NONE),
}
_AS_OF = Column("as_of", ColumnType.TIMESTAMP, True, "The moment: nothing known later is in it.", PersonalData.NONE)


def contract_name(of: FeatureSet) -> str:
    """The contract's name, which differs from that of the entity whose features the set holds."""
    return f"{of.entity}_features"


def contract_text(of: FeatureSet, version: Version) -> str:
    """The text of `data_contracts/features/NAME/vVERSION.odcs.yaml`; its columns are the key and the lake features."""
    key = _ENTITY_COLUMNS[of.keys[0]]
    return feature_set_contract(
        contract_name(of),
        version,
        (key, _AS_OF),
        [
            FeatureColumn(
                name=each.name,
                type=ColumnType.INTEGER if is_whole(of, each.sql) else ColumnType.NUMBER,
                meaning=each.meaning,
                unit=each.unit,
                version=each.version,
                monotone=each.monotone,
                owner=each.owner,
            )
            for each in of.lake
        ],
        table=of.table,
        meaning=f"What was known of one {of.entity} at a moment: one row is one vector.",
        owner="data-science",
        subject=None if key.personal_data is PersonalData.NONE else key.name,
    )
