"""Writes a feature set's contract from the list of its features: its file and the samples of its rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data_contracts.contract import Column, ColumnType, Contract, PersonalData, RuleType, Version

_PHYSICAL = {
    ColumnType.STRING: "string",
    ColumnType.INTEGER: "bigint",
    ColumnType.NUMBER: "double",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamp",
}
_PASSING: dict[ColumnType, Any] = {
    ColumnType.STRING: "a",
    ColumnType.INTEGER: 1,
    ColumnType.NUMBER: 0.5,
    ColumnType.BOOLEAN: True,
    ColumnType.DATE: "2026-01-05",
    ColumnType.TIMESTAMP: "2026-01-05T10:00:00Z",
}
_OF_ANOTHER_TYPE = "none"


@dataclass(frozen=True, slots=True)
class FeatureColumn:
    """One feature of a contract. `monotone` is how the default probability may move with it: 1, -1 or 0."""

    name: str
    type: ColumnType
    meaning: str
    unit: str
    version: int
    monotone: int
    owner: str


def feature_set_contract(
    name: str,
    version: Version,
    entity: Sequence[Column],
    features: Sequence[FeatureColumn],
    *,
    table: str,
    meaning: str,
    owner: str,
    subject: str | None,
) -> str:
    """The text of `features/NAME/vVERSION.odcs.yaml`: the columns of the entity are the key, then come the features.

    A value that is not known is empty, so a feature is never required. The set may be used where credit is
    decided and models are trained, and it is kept as long as the decisions that it explains. `subject` is the column
    that names whose data it is, None where that is no person.
    """
    lines = [
        "apiVersion: v3.1.0",
        "kind: DataContract",
        f"id: {name}",
        f"name: {name}",
        f"version: {version}",
        "status: active",
        "domain: credit",
        "description:",
        f"  purpose: {_quoted(meaning)}",
        "team:",
        f"  name: {owner}",
        "schema:",
        f"  - name: {name}",
        "    logicalType: object",
        "    physicalType: table",
        f"    physicalName: {table}",
        "    properties:",
    ]
    for position, column in enumerate(entity, start=1):
        lines += _entity_column(column, position)
    # A set that is not about a person has no personal data.
    personal_data = PersonalData.NONE if subject is None else PersonalData.FINANCIAL
    for feature in features:
        lines += _feature_column(feature, personal_data)
    whose = "" if subject is None else f"  - property: subjectColumn\n    value: {subject}\n"
    return "\n".join([*lines, *_TERMS.format(whose=whose).splitlines()]) + "\n"


def feature_set_samples(contract: Contract) -> str:
    """The text of `samples/NAME.json`: one record that keeps the contract, and a change that breaks each rule."""
    valid = {column.name: _PASSING[column.type] for column in contract.columns}
    breaking = {RuleType.REQUIRED: None, RuleType.TYPE: _OF_ANOTHER_TYPE}
    invalid = {rule.name: {rule.column.name: breaking[rule.type]} for rule in contract.row_rules}
    return json.dumps({"valid": valid, "invalid": invalid}, indent=1) + "\n"


_TERMS = """\
slaProperties:
  - property: retention
    value: 7
    unit: y
customProperties:
  - property: legalBasis
    value: contract
{whose}  - property: allowedUse
    value:
      - jurisdiction: CZ
        uses: [credit_decision, model_training]
      - jurisdiction: GB
        uses: [credit_decision, model_training]
  - property: consumers
    value:
      - name: models.training_set
        toleratesNewValues: false
      - name: pipelines.publish_features
        toleratesNewValues: false
"""


def _entity_column(column: Column, position: int) -> list[str]:
    key = ["        primaryKey: true", f"        primaryKeyPosition: {position}"]
    return [*_column(column.name, column.type, required=True), *key, *_told(column.meaning, column.personal_data)]


def _feature_column(feature: FeatureColumn, personal_data: PersonalData) -> list[str]:
    lines = [*_column(feature.name, feature.type, required=False), *_told(feature.meaning, personal_data)]
    for name, value in (
        ("unit", feature.unit),
        ("featureVersion", feature.version),
        ("monotone", feature.monotone),
        ("featureOwner", feature.owner),
    ):
        lines += [f"          - property: {name}", f"            value: {value}"]
    return lines


def _column(name: str, column_type: ColumnType, *, required: bool) -> list[str]:
    return [
        f"      - name: {name}",
        f"        logicalType: {column_type}",
        f"        physicalType: {_PHYSICAL[column_type]}",
        f"        required: {'true' if required else 'false'}",
    ]


def _told(meaning: str, personal_data: PersonalData) -> list[str]:
    return [
        f"        description: {_quoted(meaning)}",
        "        customProperties:",
        "          - property: personalData",
        f"            value: {personal_data}",
    ]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
