"""Samples of every contract: one valid record, and for each row rule the change that breaks it."""

from __future__ import annotations

from functools import cache
from typing import Any

from data_contracts.catalog import contracts
from data_contracts.contract import Contract, RowRule
from data_contracts.samples import Samples, read_samples


def valid_record(contract: Contract) -> dict[str, Any]:
    return dict(samples_of(contract).valid[0])


def invalid_record(contract: Contract, rule: RowRule) -> dict[str, Any]:
    """The valid record with the one change that breaks the rule; KeyError when a rule has no sample."""
    return samples_of(contract).broken(rule.name)


def all_rules() -> list[tuple[Contract, RowRule]]:
    return [(contract, rule) for contract in contracts().values() for rule in contract.row_rules]


def samples_of(contract: Contract) -> Samples:
    return _samples(contract.name)


@cache
def _samples(name: str) -> Samples:
    return read_samples(name)
