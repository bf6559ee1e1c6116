"""A gate that passes every table, for tests of the steps after it."""

from typing import Any

from data_contracts.contract import Contract
from pipelines.curation.gate import GateReport


def let_through(frame: Any, contract: Contract) -> GateReport:
    """Judge nothing."""
    del frame
    return GateReport(contract.name, 0, ())
