"""The gate before a curated table: a whole frame against its contract's aggregate rules, by Great Expectations."""

from dataclasses import dataclass
from typing import Any

from data_contracts.contract import Contract
from data_contracts.expectations import suite
from pipelines.great_expectations import Verdict, verdicts


@dataclass(frozen=True, slots=True)
class GateReport:
    """How many rules were judged; `broken` tells each rule that the frame breaks, its meaning and what was found."""

    contract: str
    rules: int
    broken: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """No rule is broken."""
        return not self.broken


def gate(frame: Any, contract: Contract) -> GateReport:
    """Judge the whole Spark frame. Several rules read it several times: hand in a persisted one."""
    judged = verdicts(frame, suite(contract))
    broken = tuple(_told(verdict) for verdict in judged if not verdict.holds)
    return GateReport(f"{contract.name}@{contract.version}", len(judged), broken)


def _told(verdict: Verdict) -> str:
    return f"{verdict.rule}: {verdict.meaning} Found {verdict.found}."
