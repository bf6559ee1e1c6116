"""A batch of the stream against the contracts: which records are accepted, quarantined or duplicates.

Frames to frames, written as SQL that the contracts give; nothing is read or written here. A record is first only
asked for its event type, and then read and judged by that type's contract alone: what a batch costs follows what it
holds, not how many contracts there are, and a column's name may have another type in another contract.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from pyspark.sql import functions as F  # noqa: N812 - as Spark's own pages write it

from data_contracts.catalog import event_contracts
from data_contracts.contract import Contract
from data_contracts.quarantine import typed_sql, violations_sql
from data_contracts.schemas import spark_text_ddl

ACCEPTED, QUARANTINED, DUPLICATE = "accepted", "quarantined", "duplicate"
UNKNOWN_TYPE = "unknown"
UNREADABLE = "payload.readable"
_UNHEARD = "event_type.known"
LINEAGE = ("shard", "kinesis_sequence", "until")
_PLACE = ("shard", "generation", "position", "kinesis_sequence", "until", "payload", "fault")
# What every judged frame has, whatever its contract: enough to find duplicates and to count.
_VERDICT = (
    *("shard", "generation", "position", "event_id", "contract_type"),
    *("violations", "contract_version", "body_digest"),
)
_ID_DIGEST = "xxhash64(event_id)"
_STRICT = "map('allowSingleQuotes', 'false', 'allowNonNumericNumbers', 'false')"


def heard(batch: Any) -> Any:
    """Each record with its `contract_type`: its event type, or `unknown` where no contract has it.

    A record that cannot be read is unknown too. Hand in the batch as the stream gives it, and keep the answer: every
    contract reads it again. Where whoever read the records has not told their `event_type`, their text is asked.
    """
    told = "event_type" if "event_type" in batch.columns else f"{_read('event_type STRING')}.event_type"
    known = ", ".join(f"'{event_type}'" for event_type in event_contracts())
    named = batch.selectExpr(
        *[name.replace("kinesis_sequence", "sequence AS kinesis_sequence") for name in _PLACE],
        f"{told} AS named",
    )
    return named.selectExpr(
        *_PLACE, f"CASE WHEN named IN ({known}) THEN named ELSE '{UNKNOWN_TYPE}' END AS contract_type"
    )


def judged(heard: Any, event_type: str) -> Any:
    """The records of one event type with their typed columns, the rules they break and a digest of their body.

    The digest tells a repeated body from a changed one. It passes over what a record does not say, so a column that
    a later version adds at the end leaves the digests of older records as they are.
    """
    mine = heard.where(f"contract_type = '{event_type}'")
    if event_type == UNKNOWN_TYPE:
        return _strangers(mine)
    contract = event_contracts()[event_type]
    names = [column.name for column in contract.columns]
    typed = mine.selectExpr("*", f"{_read(spark_text_ddl(names))} AS text").selectExpr(
        "*", *[f"{typed_sql(column.type, f'text.{column.name}')} AS {column.name}" for column in contract.columns]
    )
    return typed.selectExpr(
        *_PLACE,
        *names,
        "contract_type",
        f"{violations_sql(contract, text='text.', typed='')} AS violations",
        f"'{contract.version}' AS contract_version",
        f"xxhash64({', '.join(f'text.{name}' for name in names)}) AS body_digest",
    )


def _strangers(heard: Any) -> Any:
    """What no contract can judge: each has one violation, that it cannot be read or that nobody knows its type."""
    read = heard.selectExpr("*", f"{_read('event_id STRING, event_type STRING')} AS text")
    return read.selectExpr(
        *_PLACE,
        "text.event_id AS event_id",
        "text.event_type AS event_type",
        "contract_type",
        f"CASE WHEN fault IS NOT NULL THEN {_one(UNREADABLE, 'payload', 'fault')} "
        f"ELSE {_one(_UNHEARD, 'event_type', 'text.event_type')} END AS violations",
        "CAST(NULL AS STRING) AS contract_version",
        "CAST(NULL AS BIGINT) AS body_digest",
    )


def verdicts(judged: Iterable[Any]) -> Any:
    """All records of a batch in one frame, without the columns that are their contract's own."""
    return together(frame.select(*_VERDICT) for frame in judged)


def together(frames: Iterable[Any]) -> Any:
    """The rows of all frames, which have the same columns."""
    return reduce(lambda one, other: one.union(other), frames)


def suspects(verdicts: Any, seen: Any | None, *, is_small: bool = True) -> Any:
    """Digests of event ids among which is each one that a valid record repeats; mostly there are none.

    Beside a digest stand `event_id` and `body_digest` of what is in `seen` under it (see `duplicates`), empty for what
    the batch repeats. Numbers are counted and sought in far less time than texts are put in order.
    """
    digests = _valid(verdicts).selectExpr(f"{_ID_DIGEST} AS id_digest")
    twice = digests.groupBy("id_digest").count().where("count > 1")
    found = twice.selectExpr("id_digest", "CAST(NULL AS STRING) AS event_id", "CAST(NULL AS BIGINT) AS body_digest")
    if seen is None:
        return found
    earlier = seen.selectExpr(f"{_ID_DIGEST} AS id_digest", "event_id", "body_digest")
    sought = digests.hint("broadcast") if is_small else digests
    return found.union(earlier.join(sought, on="id_digest", how="left_semi"))


def under(verdicts: Any, suspects: Any) -> Any:
    """The records whose event id has one of the digests."""
    digests = suspects.select("id_digest")
    return verdicts.join(digests, on=F.expr(f"{_ID_DIGEST} = id_digest"), how="left_semi")


def duplicates(verdicts: Any, seen: Any | None, *, is_small: bool = True) -> Any:
    """The place and the reason of each valid record whose event id was there before: in `seen`, or in the batch.

    `seen` has `event_id` and `body_digest` of what the lake holds from other batches, None when it holds nothing. Of
    a repeated id the first record in shard order is kept; a reshard's older shards come first. The ids of a small batch
    are handed to every task, so that the lake is passed through once and not sorted.
    """
    valid = _valid(verdicts).select("event_id", "shard", "generation", "position", "contract_type", "body_digest")
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


def _valid(verdicts: Any) -> Any:
    return verdicts.where("size(violations) = 0")


def decided(judged: Any, duplicates: Any | None) -> Any:
    """Each record with its `verdict` and, for a duplicate, the `reason`; None where none of them is a duplicate."""
    if duplicates is None:
        with_reason = judged.selectExpr("*", "CAST(NULL AS STRING) AS reason")
    else:
        place = (judged["shard"] == duplicates["at_shard"]) & (judged["position"] == duplicates["at_position"])
        with_reason = judged.join(duplicates, on=place, how="left")
    return with_reason.selectExpr(
        "*",
        f"CASE WHEN size(violations) > 0 THEN '{QUARANTINED}' WHEN reason IS NOT NULL THEN '{DUPLICATE}' "
        f"ELSE '{ACCEPTED}' END AS verdict",
    )


def accepted_rows(decided: Any, contract: Contract, loaded_at: str) -> Any:
    """The accepted events of one contract as rows of its raw table; `loaded_at` is SQL text of a timestamp."""
    return decided.where(f"verdict = '{ACCEPTED}'").selectExpr(
        *[column.name for column in contract.columns],
        *LINEAGE,
        f"{loaded_at} AS loaded_at",
        "contract_version",
        "body_digest",
    )


def quarantined_rows(decided: Any, loaded_at: str) -> Any:
    """The records that broke a rule, with the first broken rule in columns of its own and all of them as an array."""
    return decided.where(f"verdict = '{QUARANTINED}'").selectExpr(
        "event_id",
        "event_type",
        "violations[0].rule AS rule",
        "violations[0].column AS column",
        "violations[0].value AS value",
        "violations",
        "payload",
        "contract_version",
        *LINEAGE,
        f"{loaded_at} AS first_seen",
        f"'{QUARANTINED}' AS state",
        "0 AS tries",
        "CAST(NULL AS STRING) AS redrive_id",
        "CAST(NULL AS TIMESTAMP) AS last_tried_at",
    )


def duplicate_rows(decided: Any, loaded_at: str) -> Any:
    """The valid records whose event id was there before."""
    return decided.where(f"verdict = '{DUPLICATE}'").selectExpr(
        "event_id", "event_type", "reason", "payload", *LINEAGE, f"{loaded_at} AS first_seen"
    )


def longest_run(decided: Any) -> int:
    """How many records of the frame, one behind the other in their shard, were quarantined at most."""
    in_order = decided.selectExpr(
        "shard",
        f"verdict = '{QUARANTINED}' AS is_bad",
        "row_number() OVER (PARTITION BY shard ORDER BY position) AS place",
        f"row_number() OVER (PARTITION BY shard, verdict = '{QUARANTINED}' ORDER BY position) AS of_its_kind",
    )
    runs = in_order.where("is_bad").groupBy("shard", (in_order.place - in_order.of_its_kind).alias("run")).count()
    return int(runs.agg({"count": "max"}).first()[0] or 0)


def frequent_rules(decided: Any, most: int = 3) -> tuple[str, ...]:
    """The rules that are broken first most often, each with its count and a value that broke it."""
    first = decided.where(f"verdict = '{QUARANTINED}'").selectExpr(
        "violations[0].rule AS rule", "substr(violations[0].value, 1, 80) AS value"
    )
    found = (
        first.groupBy("rule").agg({"*": "count", "value": "min"}).orderBy("count(1)", "rule", ascending=[False, True])
    )
    return tuple(f"{row['rule']} ({row['count(1)']:,}, for example {row['min(value)']!r})" for row in found.take(most))


def _read(ddl: str) -> str:
    """SQL that reads the payload's values of these columns as text, and nothing of a record that is at fault."""
    return f"from_json(CASE WHEN fault IS NULL THEN payload END, '{ddl}', {_STRICT})"


def _one(rule: str, column: str, value: str) -> str:
    return f"array(named_struct('rule', '{rule}', 'column', '{column}', 'value', {value}))"
