"""A gate that lets everything through, for tests of what lies behind it."""

from typing import Any

from data_contracts.contract import Contract
from pipelines.curation.gate import GateReport


def let_through(frame: Any, contract: Contract) -> GateReport:
    """Judge nothing."""
    del frame
    return GateReport(contract.name, 0, ())
