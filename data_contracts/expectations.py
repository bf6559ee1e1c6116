"""A contract's aggregate rules as the configuration of a Great Expectations suite; imports no client."""

from __future__ import annotations

from typing import Any

from data_contracts.contract import Contract


def suite(contract: Contract) -> dict[str, Any]:
    """The suite that judges a whole table of the contract.

    Shape: `{"name": …, "expectations": [{"type": …, "kwargs": {…}, "meta": {"rule": …, "meaning": …}}]}`.
    """
    return {
        "name": f"{contract.name}@{contract.version}",
        "expectations": [
            {
                "type": rule.expectation,
                "kwargs": dict(rule.arguments),
                "meta": {"rule": rule.name, "meaning": rule.meaning},
            }
            for rule in contract.aggregate_rules
        ],
    }
