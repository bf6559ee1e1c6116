"""Samples of every contract: one valid record, and for each row rule the change that breaks it."""

from __future__ import annotations

import json
from typing import Any

from data_contracts.catalog import FOLDER, contracts
from data_contracts.contract import Contract, RowRule


def valid_record(contract: Contract) -> dict[str, Any]:
    return dict(_samples(contract)["valid"])


def invalid_record(contract: Contract, rule: RowRule) -> dict[str, Any]:
    """The valid record with the one change that breaks the rule; KeyError when a rule has no sample."""
    return valid_record(contract) | _samples(contract)["invalid"][rule.name]


def all_rules() -> list[tuple[Contract, RowRule]]:
    return [(contract, rule) for contract in contracts().values() for rule in contract.row_rules]


def _samples(contract: Contract) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "samples" / f"{contract.name}.json").read_text(encoding="utf-8"))
    return found
