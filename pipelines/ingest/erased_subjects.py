"""What the stream still has of subjects who were erased is emptied before anything of a batch is written.

An event of theirs that was recorded by the request to erase them counts as read and as quarantined, and says nothing
more. Frames to frames, as in `checked`; where nobody was ever erased nothing is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyspark.sql import functions as F  # noqa: N812 - as Spark's own pages write it

from pipelines.erasures import subject as subjects
from pipelines.erasures.erasures import Refused, State
from pipelines.erasures.iceberg_erasures import IcebergErasures
from pipelines.ingest import checked
from pipelines.settings import Settings

ERASED = "subject.erased"
# SQL that is true of a judged record which is nobody's who was erased.
IS_TAKEN = f"NOT exists(violations, each -> each.rule = '{ERASED}')"
_DECODED = "CASE WHEN payload LIKE 'base64:%' THEN CAST(try_to_binary(substr(payload, 8), 'base64') AS STRING) END"
_RECORDED_AT = r"""try_cast(regexp_extract(payload, r'"recorded_at"\s*:\s*"([^"]+)"', 1) AS TIMESTAMP)"""


def refused(settings: Settings) -> Refused | None:
    """Whom ingest must not bring back, None when that is nobody; SettingFault without the key of their pseudonyms."""
    lines = IcebergErasures(settings).lines()
    was_asked = any(line.state is State.REQUESTED for line in lines)
    return Refused(lines, settings.required_erasure_key) if was_asked else None


def emptied(judged: Mapping[str, Any], unwanted: Refused | None) -> tuple[dict[str, Any], dict[str, int]]:
    """The judged frames with the records of erased subjects emptied, and how many these are of each event type."""
    named = [] if unwanted is None else [told for frame in judged.values() if (told := _named(frame)) is not None]
    if unwanted is None or not named:
        return dict(judged), {}
    everyone = checked.together(named).localCheckpoint(eager=False)
    until = list(_refused_until(everyone, unwanted))
    if not until:
        return dict(judged), {}
    erased = everyone.sparkSession.createDataFrame(until, "kind STRING, id STRING, refused_until TIMESTAMP")
    # Who does not say when something was recorded may have said it before the request.
    theirs = everyone.join(F.broadcast(erased), on=["kind", "id"]).where(
        "recorded_at IS NULL OR recorded_at <= refused_until"
    )
    places = theirs.groupBy("contract_type", "shard", "position").agg(F.min("kind").alias("erased_by"))
    places = places.localCheckpoint()
    counts = {row["contract_type"]: row["count"] for row in places.groupBy("contract_type").count().collect()}
    return {name: _emptied(frame, places) if name in counts else frame for name, frame in judged.items()}, counts


def _refused_until(everyone: Any, unwanted: Refused) -> Iterator[tuple[str, str, Any]]:
    """Each id of the batch that belongs to an erased subject, with its kind and the moment of the request."""
    ids: dict[str, set[str]] = {}
    for row in everyone.select("kind", "id").distinct().collect():
        ids.setdefault(row["kind"], set()).add(row["id"])
    for kind, of_kind in ids.items():
        yield from ((kind, each, moment) for each, moment in unwanted.until(kind, of_kind).items())


def _named(judged: Any) -> Any | None:
    """Whom each record names, one row a name; None for a contract whose records name nobody."""
    if "payload" in judged.columns and "recorded_at" not in judged.columns:
        return _in_text(judged)
    found = [
        f"array(named_struct('kind', '{subjects.kind(column)}', 'id', {column}))"
        for column in subjects.leads(judged.columns)
    ]
    if subjects.TRANSFERS in judged.columns:
        found += [_all_of(column, subjects.TRANSFERS, pattern) for column, pattern in subjects.IN_TRANSFERS.items()]
    return _told(judged, found, "recorded_at") if found else None


def _in_text(strangers: Any) -> Any:
    """Whom records name that no contract can judge: whatever stands in a field that leads to a subject."""
    columns = (*subjects.SUBJECT, *subjects.links_of_events())
    found = [_all_of(column, "payload", rf'"{column}"\s*:\s*"?([^",}}\s]+)') for column in columns]
    found += [_all_of(column, "payload", pattern) for column, pattern in subjects.IN_TRANSFERS.items()]
    return _told(strangers.withColumn("payload", F.expr(f"coalesce({_DECODED}, payload)")), found, _RECORDED_AT)


def _told(frame: Any, found: list[str], recorded_at: str) -> Any:
    names = frame.selectExpr(
        *("contract_type", "shard", "position"),
        f"{recorded_at} AS recorded_at",
        f"explode(concat({', '.join(found)})) AS name",
    )
    told = names.selectExpr("contract_type", "shard", "position", "recorded_at", "name.kind AS kind", "name.id AS id")
    return told.where("id IS NOT NULL")


def _all_of(column: str, text: str, pattern: str) -> str:
    ids = f"regexp_extract_all(coalesce({text}, ''), r'{pattern}', 1)"
    return f"transform({ids}, id -> named_struct('kind', '{subjects.kind(column)}', 'id', id))"


def _emptied(judged: Any, places: Any) -> Any:
    """The frame's records of erased subjects without a word of what they said."""
    at = F.broadcast(places.selectExpr("shard AS at_shard", "position AS at_position", "erased_by"))
    place = (judged["shard"] == at["at_shard"]) & (judged["position"] == at["at_position"])
    # The event's own id too: producers make it from whom it is about.
    empty = {
        "event_id": "CAST(NULL AS STRING)",
        "event_type": "contract_type",
        "payload": "''",
        "violations": f"array(named_struct('rule', '{ERASED}', 'column', erased_by, 'value', CAST(NULL AS STRING)))",
    }
    kept = {name: f"IF(erased_by IS NULL, {name}, {value}) AS {name}" for name, value in empty.items()}
    return judged.join(at, on=place, how="left").selectExpr(*[kept.get(name, name) for name in judged.columns])
