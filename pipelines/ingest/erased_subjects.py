"""Step 3 of a batch: records of erased subjects that are still on the stream are blanked before anything is written.

An event of theirs that was recorded before the erasure request counts as read and as quarantined; nothing else of it is
kept. Where no erasure was ever requested the step does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - as Spark's own pages write it

from pipelines.erasures import subject as subjects
from pipelines.erasures.erasures import ErasedSubjects, ErasureState
from pipelines.erasures.iceberg_erasures import IcebergErasures
from pipelines.ingest.record_frames import materialised, union_all
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ERASED = "subject.erased"
# SQL, true of a validated record that was not blanked.
NOT_ERASED = f"NOT exists(violations, violation -> violation.rule = '{ERASED}')"
_DECODED = "CASE WHEN payload LIKE 'base64:%' THEN CAST(try_to_binary(substr(payload, 8), 'base64') AS STRING) END"
_RECORDED_AT = r"""try_cast(regexp_extract(payload, r'"recorded_at"\s*:\s*"([^"]+)"', 1) AS TIMESTAMP)"""


def refused(settings: Settings) -> ErasedSubjects | None:
    """The subjects whose events ingest must not bring back; None without any erasure request.

    Raises SettingFault when there are some and the key of their pseudonyms is missing.
    """
    lines = IcebergErasures(settings).lines()
    was_requested = any(line.state is ErasureState.REQUESTED for line in lines)
    return ErasedSubjects(lines, settings.required_erasure_key) if was_requested else None


def blanked(
    validated: Mapping[str, DataFrame], erased_subjects: ErasedSubjects | None
) -> tuple[dict[str, DataFrame], dict[str, int]]:
    """The validated frames with the records of erased subjects blanked, and the number of these by event type.

    Columns: those of each validated frame, unchanged.
    """
    if erased_subjects is None:
        return dict(validated), {}
    subject_ids = [ids for frame in validated.values() if (ids := _subject_ids(frame)) is not None]
    if not subject_ids:
        return dict(validated), {}
    of_batch = materialised(union_all(subject_ids))
    erased_ids = list(_erased_ids(of_batch, erased_subjects))
    if not erased_ids:
        return dict(validated), {}
    erased = of_batch.sparkSession.createDataFrame(erased_ids, "kind STRING, id STRING, refused_until TIMESTAMP")
    # A record without a time of recording may be older than the request.
    refused_ids = of_batch.join(F.broadcast(erased), on=["kind", "id"]).where(
        "recorded_at IS NULL OR recorded_at <= refused_until"
    )
    places = refused_ids.groupBy("contract_type", "shard", "position").agg(F.min("kind").alias("erased_by"))
    places = places.localCheckpoint()
    counts = {row["contract_type"]: row["count"] for row in places.groupBy("contract_type").count().collect()}
    frames = {name: _blanked(frame, places) if name in counts else frame for name, frame in validated.items()}
    return frames, counts


def _erased_ids(subject_ids: DataFrame, erased_subjects: ErasedSubjects) -> Iterator[tuple[str, str, datetime]]:
    """Kind, id and moment of the request for each of the ids that belongs to an erased subject.

    Columns: kind, id.
    """
    ids: dict[str, set[str]] = {}
    for row in subject_ids.select("kind", "id").distinct().collect():
        ids.setdefault(row["kind"], set()).add(row["id"])
    for kind, of_kind in ids.items():
        yield from ((kind, subject_id, moment) for subject_id, moment in erased_subjects.until(kind, of_kind).items())


def _subject_ids(validated: DataFrame) -> DataFrame | None:
    """The subjects that each record names, one row an id; None for a contract without a column that leads to any.

    Columns: those of a validated frame → contract_type, shard, position, recorded_at, kind, id.
    """
    if "payload" in validated.columns and "recorded_at" not in validated.columns:
        return _subject_ids_in_text(validated)
    arrays = [
        f"array(named_struct('kind', '{subjects.kind(column)}', 'id', {column}))"
        for column in subjects.leads(validated.columns)
    ]
    if subjects.TRANSFERS in validated.columns:
        arrays += [
            _ids_matching(column, subjects.TRANSFERS, pattern) for column, pattern in subjects.IN_TRANSFERS.items()
        ]
    return _one_row_an_id(validated, arrays, "recorded_at") if arrays else None


def _subject_ids_in_text(without_contract: DataFrame) -> DataFrame:
    """Like `_subject_ids` for records under no contract: any value of a field that leads to a subject.

    Columns: those of a frame without a contract → contract_type, shard, position, recorded_at, kind, id.
    """
    columns = (*subjects.SUBJECT, *subjects.links_of_events())
    arrays = [_ids_matching(column, "payload", rf'"{column}"\s*:\s*"?([^",}}\s]+)') for column in columns]
    arrays += [_ids_matching(column, "payload", pattern) for column, pattern in subjects.IN_TRANSFERS.items()]
    decoded = without_contract.withColumn("payload", F.expr(f"coalesce({_DECODED}, payload)"))
    return _one_row_an_id(decoded, arrays, _RECORDED_AT)


def _one_row_an_id(records: DataFrame, arrays: list[str], recorded_at: str) -> DataFrame:
    """Explodes the arrays of (kind, id). Columns: contract_type, shard, position, recorded_at, kind, id."""
    place = ("contract_type", "shard", "position")
    exploded = records.selectExpr(
        *place, f"{recorded_at} AS recorded_at", f"explode(concat({', '.join(arrays)})) AS subject"
    )
    ids = exploded.selectExpr(*place, "recorded_at", "subject.kind AS kind", "subject.id AS id")
    return ids.where("id IS NOT NULL")


def _ids_matching(column: str, text: str, pattern: str) -> str:
    ids = f"regexp_extract_all(coalesce({text}, ''), r'{pattern}', 1)"
    return f"transform({ids}, id -> named_struct('kind', '{subjects.kind(column)}', 'id', id))"


def _blanked(validated: DataFrame, places: DataFrame) -> DataFrame:
    """The frame without any content of the records at the places (shard, position, erased_by).

    Columns: those of the validated frame, unchanged.
    """
    at = F.broadcast(places.selectExpr("shard AS at_shard", "position AS at_position", "erased_by"))
    place = (validated["shard"] == at["at_shard"]) & (validated["position"] == at["at_position"])
    # The event's own id too: producers derive it from the subject.
    blank = {
        "event_id": "CAST(NULL AS STRING)",
        "event_type": "contract_type",
        "payload": "''",
        "violations": f"array(named_struct('rule', '{ERASED}', 'column', erased_by, 'value', CAST(NULL AS STRING)))",
    }
    columns = {name: f"IF(erased_by IS NULL, {name}, {value}) AS {name}" for name, value in blank.items()}
    return validated.join(at, on=place, how="left").selectExpr(*[columns.get(name, name) for name in validated.columns])
