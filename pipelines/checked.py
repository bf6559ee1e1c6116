"""A batch of the stream against the contracts: which records are accepted, quarantined or duplicates.

Frames to frames, written as SQL that the contracts give; nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_contracts.catalog import event_contracts
from data_contracts.contract import Column, Contract
from data_contracts.quarantine import typed_sql, violations_sql
from data_contracts.schemas import spark_text_ddl

ACCEPTED, QUARANTINED, DUPLICATE = "accepted", "quarantined", "duplicate"
UNKNOWN_TYPE = "unknown"
_LINEAGE = ("shard", "kinesis_sequence", "until")
_UNREADABLE, _UNHEARD = "payload.readable", "event_type.known"


class TwoTypes(Exception):
    """A column has one type in one contract and another in a second; one table of the lake could not hold both."""

    def __init__(self, column: str) -> None:
        super().__init__(f"column {column} has two types in the contracts of the stream's events")


def judged(batch: Any) -> Any:
    """Each record with its typed columns, the rules it breaks and a digest of its body.

    Adds every column of every contract under its own name (NULL where the event has none or it is not of its type),
    `contract_type` (`unknown` where no contract has the event's type), `violations`, `contract_version` and
    `body_digest`, which tells a repeated body from a changed one.
    """
    contracts = event_contracts()
    columns = _columns(contracts)
    place = ["shard", "generation", "position", "kinesis_sequence", "until", "payload"]
    parsed = batch.selectExpr(
        *[name.replace("kinesis_sequence", "sequence AS kinesis_sequence") for name in place],
        "fault",
        f"from_json(CASE WHEN fault IS NULL THEN payload END, '{spark_text_ddl(list(columns))}', "
        "map('allowSingleQuotes', 'false', 'allowNonNumericNumbers', 'false')) AS text",
    )
    typed = parsed.selectExpr(
        "*", *[f"{typed_sql(column.type, f'text.{name}')} AS {name}" for name, column in columns.items()]
    )
    known = ", ".join(f"'{event_type}'" for event_type in contracts)
    return typed.selectExpr(
        *place,
        *columns,
        f"CASE WHEN event_type IN ({known}) THEN event_type ELSE '{UNKNOWN_TYPE}' END AS contract_type",
        f"{_violations(contracts)} AS violations",
        f"CASE event_type {_versions(contracts)} END AS contract_version",
        f"xxhash64({', '.join(f'text.{name}' for name in columns)}) AS body_digest",
    )


def _columns(contracts: Mapping[str, Contract]) -> dict[str, Column]:
    """Every column of every contract; one name has one type wherever it is used."""
    columns: dict[str, Column] = {}
    for column in (column for found in contracts.values() for column in found.columns):
        if columns.setdefault(column.name, column).type is not column.type:
            raise TwoTypes(column.name)
    return columns


def duplicates(judged: Any, seen: Any | None) -> Any:
    """The place and the reason of each valid record whose event id was there before: in `seen`, or in the batch.

    `seen` has `event_id` and `body_digest` of what the lake holds from other batches, None when it holds nothing. Of
    a repeated id the first record in shard order is kept; a reshard's older shards come first.
    """
    valid = judged.where("size(violations) = 0").selectExpr(
        "event_id", "shard", "generation", "position", "body_digest"
    )
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
        # A small batch is sought in the lake, not the lake in a small batch.
        of_batch = earlier.join(valid.select("event_id").distinct(), on="event_id", how="left_semi")
        repeated = ranked.join(of_batch, on="event_id", how="left").where("is_seen OR occurrence > 1")
    return repeated.selectExpr(
        "shard AS at_shard",
        "position AS at_position",
        "CASE WHEN coalesce(seen_digest, first_digest) = body_digest THEN 'repeated' "
        "ELSE 'another body under a known event_id' END AS reason",
    )


def decided(judged: Any, duplicates: Any | None) -> Any:
    """Each record with its `verdict` and, for a duplicate, the `reason`; None where the batch has no duplicate."""
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
    mine = decided.where(f"verdict = '{ACCEPTED}' AND contract_type = '{contract.event_type}'")
    return mine.selectExpr(
        *[column.name for column in contract.columns],
        *_LINEAGE,
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
        *_LINEAGE,
        f"{loaded_at} AS first_seen",
    )


def duplicate_rows(decided: Any, loaded_at: str) -> Any:
    """The valid records whose event id was there before."""
    return decided.where(f"verdict = '{DUPLICATE}'").selectExpr(
        "event_id", "event_type", "reason", "payload", *_LINEAGE, f"{loaded_at} AS first_seen"
    )


def _violations(contracts: Mapping[str, Contract]) -> str:
    by_type = " ".join(
        f"WHEN event_type = '{event_type}' THEN {violations_sql(contract, text='text.', typed='')}"
        for event_type, contract in contracts.items()
    )
    return (
        f"CASE WHEN fault IS NOT NULL THEN {_one(_UNREADABLE, 'payload', 'fault')} {by_type} "
        f"ELSE {_one(_UNHEARD, 'event_type', 'event_type')} END"
    )


def _one(rule: str, column: str, value: str) -> str:
    return f"array(named_struct('rule', '{rule}', 'column', '{column}', 'value', {value}))"


def _versions(contracts: Mapping[str, Contract]) -> str:
    return " ".join(f"WHEN '{event_type}' THEN '{found.version}'" for event_type, found in contracts.items())
