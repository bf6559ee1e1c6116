"""Step 4 of a batch: valid records whose event id was there before, in the lake or earlier in the batch.

Mostly there are none, so candidates are found first, by numbers: counting and joining digests takes far less time than
sorting ids. Only records that share a digest are then compared in full.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - as Spark's own pages write it

from pipelines.ingest.record_frames import in_one_task, materialised, union_all

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Up to this many ids are broadcast, so the other side of the join need not be sorted.
SMALL = 500_000
_ID_DIGEST = "xxhash64(event_id)"
# What every validated frame has, whatever its contract: enough to find duplicates.
_COMMON_COLUMNS = (
    *("shard", "generation", "position", "event_id", "contract_type"),
    *("violations", "contract_version", "body_digest"),
)


def duplicates_of_batch(
    validated: Iterable[DataFrame], seen: DataFrame | None, records: int
) -> tuple[DataFrame | None, frozenset[str]]:
    """The duplicates of a batch, and the event types that have any; None when there are none.

    `records` is the number of the batch's records.

    Columns: those of validated frames; `seen` as in `duplicates` → at_shard, at_position, of_type, reason.
    """
    every_record = in_one_task(across_contracts(validated), records)
    candidates = materialised(candidate_duplicates(every_record, seen, is_small=records <= SMALL))
    count = candidates.count()
    if not count:
        return None, frozenset()
    suspects = with_suspect_ids(every_record, F.broadcast(candidates) if count <= SMALL else candidates)
    earlier = candidates.where("event_id IS NOT NULL").select("event_id", "body_digest")
    repeated = materialised(duplicates(suspects, earlier, is_small=count <= SMALL))
    by_type = {row["of_type"]: row["count"] for row in repeated.groupBy("of_type").count().collect()}
    return F.broadcast(repeated) if sum(by_type.values()) <= SMALL else repeated, frozenset(by_type)


def across_contracts(validated: Iterable[DataFrame]) -> DataFrame:
    """All records of a batch in one frame, without the columns that are their contract's own.

    Columns: shard, generation, position, event_id, contract_type, violations, contract_version, body_digest.
    """
    return union_all(frame.select(*_COMMON_COLUMNS) for frame in validated)


def candidate_duplicates(records: DataFrame, seen: DataFrame | None, *, is_small: bool = True) -> DataFrame:
    """Digests of event ids that may be repeated; every id that is repeated has its digest here.

    Beside a digest stand `event_id` and `body_digest` of the row of `seen` that has it; they are null for a digest that
    occurs twice within the batch.

    Columns: those of `across_contracts`; `seen` as in `duplicates` → id_digest, event_id, body_digest.
    """
    digests = _valid(records).selectExpr(f"{_ID_DIGEST} AS id_digest")
    twice = digests.groupBy("id_digest").count().where("count > 1")
    within = twice.selectExpr("id_digest", "CAST(NULL AS STRING) AS event_id", "CAST(NULL AS BIGINT) AS body_digest")
    if seen is None:
        return within
    earlier = seen.selectExpr(f"{_ID_DIGEST} AS id_digest", "event_id", "body_digest")
    of_batch = digests.hint("broadcast") if is_small else digests
    return within.union(earlier.join(of_batch, on="id_digest", how="left_semi"))


def with_suspect_ids(records: DataFrame, candidates: DataFrame) -> DataFrame:
    """The records whose event id has one of the candidates' digests. Columns: those of the records."""
    digests = candidates.select("id_digest")
    return records.join(digests, on=F.expr(f"{_ID_DIGEST} = id_digest"), how="left_semi")


def duplicates(records: DataFrame, seen: DataFrame | None, *, is_small: bool = True) -> DataFrame:
    """The place and the reason of each valid record whose event id is in `seen` or came earlier in the batch.

    `seen` has `event_id` and `body_digest` of what the lake holds from other batches, None when it holds nothing. Of a
    repeated id the first record in shard order is kept; the older shards of a reshard come first.

    Columns: those of `across_contracts` → at_shard, at_position, of_type, reason.
    """
    valid = _valid(records).select("event_id", "shard", "generation", "position", "contract_type", "body_digest")
    in_order = "PARTITION BY event_id ORDER BY generation, shard, position"
    ranked = valid.selectExpr(
        "*",
        f"row_number() OVER ({in_order}) AS occurrence",
        f"first_value(body_digest) OVER ({in_order}) AS first_digest",
    )
    if seen is None:
        repeated = ranked.where("occurrence > 1").selectExpr("*", "CAST(NULL AS BIGINT) AS seen_digest")
    else:
        earlier = seen.selectExpr("event_id", "body_digest AS seen_digest", "true AS is_seen")
        ids = valid.select("event_id")
        of_batch = earlier.join(ids.hint("broadcast") if is_small else ids, on="event_id", how="left_semi")
        of_batch = of_batch.dropDuplicates(["event_id"])
        repeated = ranked.join(of_batch, on="event_id", how="left").where("is_seen OR occurrence > 1")
    return repeated.selectExpr(
        "shard AS at_shard",
        "position AS at_position",
        "contract_type AS of_type",
        "CASE WHEN coalesce(seen_digest, first_digest) = body_digest THEN 'repeated' "
        "ELSE 'another body under a known event_id' END AS reason",
    )


def _valid(records: DataFrame) -> DataFrame:
    """The records that break no rule. Columns: those of the records."""
    return records.where("size(violations) = 0")
