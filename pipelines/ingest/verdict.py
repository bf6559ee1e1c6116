"""Step 5 of a batch: each record is accepted, quarantined or a duplicate, and the counts add up to what was read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.ingest.record_frames import in_one_task, union_all
from terminal.fault import Fault

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ACCEPTED, QUARANTINED, DUPLICATE = "accepted", "quarantined", "duplicate"


class NotConserved(Fault):
    """Raised when a batch's counts do not add up to the records read; the batch is not committed."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the records of one event type."""

    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.read + other.read,
            self.accepted + other.accepted,
            self.quarantined + other.quarantined,
            self.duplicates + other.duplicates,
        )


def with_verdict(validated: DataFrame, duplicates: DataFrame | None) -> DataFrame:
    """Each record with its `verdict` and, for a duplicate, the `reason`. `duplicates` is None when there are none.

    Columns: those of the validated frame, reason, verdict; with duplicates also at_shard, at_position, of_type.
    """
    if duplicates is None:
        with_reason = validated.selectExpr("*", "CAST(NULL AS STRING) AS reason")
    else:
        place = (validated["shard"] == duplicates["at_shard"]) & (validated["position"] == duplicates["at_position"])
        with_reason = validated.join(duplicates, on=place, how="left")
    return with_reason.selectExpr(
        "*",
        f"CASE WHEN size(violations) > 0 THEN '{QUARANTINED}' WHEN reason IS NOT NULL THEN '{DUPLICATE}' "
        f"ELSE '{ACCEPTED}' END AS verdict",
    )


def conserved(judged: Iterable[DataFrame], rows_in: int, until: int) -> dict[str, Counts]:
    """The counts of each event type in the frames with verdicts; raises NotConserved when their sum is not `rows_in`.

    `rows_in` comes from the source, which numbers the records of each shard. Columns: contract_type, verdict.
    """
    outcomes = in_one_task(union_all(frame.select("contract_type", "verdict") for frame in judged), rows_in)
    counts: dict[str, Counts] = {}
    for row in outcomes.groupBy("contract_type", "verdict").count().collect():
        of_verdict = {
            ACCEPTED: Counts(row["count"], accepted=row["count"]),
            QUARANTINED: Counts(row["count"], quarantined=row["count"]),
            DUPLICATE: Counts(row["count"], duplicates=row["count"]),
        }[row["verdict"]]
        counts[row["contract_type"]] = counts.get(row["contract_type"], Counts()) + of_verdict
    total = sum(counts.values(), Counts())
    if total.read != rows_in:
        raise NotConserved(f"batch {until}: {rows_in} records were read and {total.read} are accounted for: {total}")
    return dict(sorted(counts.items()))
