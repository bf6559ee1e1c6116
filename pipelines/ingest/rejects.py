"""Step 6 of a batch: it stops when it would reject too much of an event type.

Quarantine is for single bad records; a broken producer must be mended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_contracts.catalog import event_contracts
from pipelines.ingest.contract_type import UNKNOWN_TYPE
from pipelines.ingest.erased_subjects import NOT_ERASED
from pipelines.ingest.verdict import QUARANTINED, Counts
from terminal.fault import Fault

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# In percent. Records without a contract have no usual share; the limit is there to notice a misspelt event type.
UNKNOWN_LIMIT = 20
# Shares of fewer records than this say nothing.
FEWEST_RECORDS = 100
# A source that breaks half way has a small share of rejects and a long run of them.
LONGEST_RUN = 500


@dataclass(frozen=True, slots=True)
class Excess:
    """An event type over its limit: the share or the longest run of rejects, and the most frequent rules."""

    event_type: str
    read: int
    rejected: int
    limit: int
    run: int
    rules: tuple[str, ...] = ()

    def __str__(self) -> str:
        share = 100 * self.rejected / self.read
        message = (
            f"{self.event_type}: {self.rejected:,} of {self.read:,} rejected ({share:.1f} %, limit {self.limit} %)"
        )
        if share <= self.limit:
            message += f", {self.run:,} of them in a row (limit {LONGEST_RUN})"
        return f"{message}; most often {'; '.join(self.rules)}" if self.rules else message


class TooManyRejects(Fault):
    """A batch is over the limit of an event type; nothing of it was written and the next run reads it again."""

    def __init__(self, excesses: Iterable[Excess]) -> None:
        self.excesses = tuple(excesses)
        types = " ".join(f"--accept-rejects {each.event_type}" for each in self.excesses)
        super().__init__(
            f"nothing was written, the stream stands where it stood. {' | '.join(map(str, self.excesses))}. "
            f"Mend the producer or the contract and run again, or let it through: {types}"
        )


def excesses(
    judged: Mapping[str, DataFrame], counts: Mapping[str, Counts], erased: Mapping[str, int]
) -> Iterator[Excess]:
    """The event types over their limits, each with its most frequent rules. Blanked records are no rejects.

    Columns: shard, position, violations, verdict of each frame.
    """
    records = sum(counts.values(), Counts()).read
    for event_type, limit in limits().items():
        of_type = counts.get(event_type, Counts())
        read = records if event_type == UNKNOWN_TYPE else of_type.read
        rejected = of_type.quarantined - erased.get(event_type, 0)
        if not needs_longest_run(read, rejected, limit):
            continue
        frame = judged[event_type].where(NOT_ERASED) if erased else judged[event_type]
        run = longest_run(frame)
        if not may_reject(read, rejected, limit, run):
            yield Excess(event_type, read, rejected, limit, run, frequent_rules(frame))


def limits() -> dict[str, int]:
    """The percentage of each event type that a batch may reject; a contract that names none has no limit."""
    found = {name: contract.terms.rejected_share_limit for name, contract in event_contracts().items()}
    return {name: limit for name, limit in found.items() if limit is not None} | {UNKNOWN_TYPE: UNKNOWN_LIMIT}


def may_reject(read: int, rejected: int, limit: int, longest_run: int) -> bool:
    """Whether the rejects are within the limit; `limit` is a percentage and itself allowed.

    >>> may_reject(read=1_000, rejected=200, limit=20, longest_run=7)
    True
    >>> may_reject(read=1_000, rejected=201, limit=20, longest_run=7)
    False
    >>> may_reject(read=2, rejected=1, limit=20, longest_run=1)
    True
    >>> may_reject(read=100_000, rejected=501, limit=20, longest_run=501)
    False
    """
    return (read < FEWEST_RECORDS or 100 * rejected <= limit * read) and longest_run <= LONGEST_RUN


def needs_longest_run(read: int, rejected: int, limit: int) -> bool:
    """Whether `longest_run` must be computed: only many rejects can form a long run."""
    return rejected > LONGEST_RUN or not may_reject(read, rejected, limit, 0)


def longest_run(judged: DataFrame) -> int:
    """The most consecutive records of one shard that were quarantined. Columns: shard, position, verdict."""
    in_order = judged.selectExpr(
        "shard",
        f"verdict = '{QUARANTINED}' AS is_bad",
        "row_number() OVER (PARTITION BY shard ORDER BY position) AS place",
        f"row_number() OVER (PARTITION BY shard, verdict = '{QUARANTINED}' ORDER BY position) AS of_its_kind",
    )
    runs = in_order.where("is_bad").groupBy("shard", (in_order.place - in_order.of_its_kind).alias("run")).count()
    return int(runs.agg({"count": "max"}).collect()[0][0] or 0)


def frequent_rules(judged: DataFrame, most: int = 3) -> tuple[str, ...]:
    """The rules that are most often the first one broken, each with its count and a value that broke it.

    Columns: violations, verdict.
    """
    first = judged.where(f"verdict = '{QUARANTINED}'").selectExpr(
        "violations[0].rule AS rule", "substr(violations[0].value, 1, 80) AS value"
    )
    by_rule = first.groupBy("rule").agg({"*": "count", "value": "min"})
    in_order = by_rule.orderBy("count(1)", "rule", ascending=[False, True])
    return tuple(
        f"{row['rule']} ({row['count(1)']:,}, for example {row['min(value)']!r})" for row in in_order.take(most)
    )
