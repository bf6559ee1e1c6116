"""Write a table's next state on a branch, judge it there, and publish it: the way in which curated tables change."""

from collections.abc import Callable, Mapping
from typing import Any

from data_contracts.contract import Contract
from pipelines.curation.gate import GateReport
from pipelines.lake.audit import Audit
from pipelines.lake.spark import noted

Judge = Callable[[Any, Contract], GateReport]


def publish_audited(
    audit: Audit,
    contract: Contract,
    write: Callable[[str], None],
    *,
    notes: Mapping[str, str],
    judge: Judge,
    after_step: Callable[[str], None],
) -> GateReport:
    """Let `write` change the branch, whose name it is given, and publish what the judge lets pass.

    What is refused stays on the branch. Raises MovedMeanwhile when somebody else changed the table since.
    """
    audit.begin()
    after_step("begun")
    with noted(audit.spark, notes):
        write(audit.name)
    after_step("written")
    verdict = judge(audit.rows(), contract)
    after_step("judged")
    if verdict.passed:
        audit.publish()
        after_step("published")
        audit.end()
        after_step("ended")
    return verdict
