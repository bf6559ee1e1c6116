"""Records of a shard as Arrow rows: position, text, whether the text is one JSON object, and its event type."""

from __future__ import annotations

import base64

import orjson
import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("shard", pa.string()),
        ("generation", pa.int32()),
        ("position", pa.int64()),
        ("sequence", pa.string()),
        ("until", pa.int64()),
        ("payload", pa.string()),
        ("fault", pa.string()),
        ("event_type", pa.string()),
    ]
)
DDL = (
    "shard STRING, generation INT, position LONG, sequence STRING, until LONG, payload STRING, fault STRING, "
    "event_type STRING"
)

# The prefix with which the Kinesis Producer Library marks several records packed into one.
_AGGREGATED = b"\xf3\x89\x9a\xc2"


def rows(
    *, shard: str, generation: int, first: int, until: int, sequences: list[str], bodies: list[bytes]
) -> pa.RecordBatch:
    """Rows of consecutive records of a shard, the first of which is at position `first`."""
    count = len(bodies)
    texts = [_text(body) for body in bodies]
    return pa.RecordBatch.from_arrays(
        [
            pa.repeat(shard, count),
            pa.repeat(pa.scalar(generation, pa.int32()), count),
            pa.array(range(first, first + count), pa.int64()),
            pa.array(sequences, pa.string()),
            pa.repeat(pa.scalar(until, pa.int64()), count),
            *(pa.array(column, pa.string()) for column in zip(*texts, strict=True)),
        ],
        schema=SCHEMA,
    )


def _text(body: bytes) -> tuple[str, str | None, str | None]:
    """A record's text, the reason if it is not one JSON object, and its event type if it has one.

    Checked strictly here, because Spark's parser takes the first object of a text and ignores the rest.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return *_unreadable(body, f"not JSON: {error.msg}"), None
    if not isinstance(found, dict):
        return body.decode("utf-8"), "not a JSON object", None
    event_type = found.get("event_type")
    return body.decode("utf-8"), None, event_type if isinstance(event_type, str) else None


def _unreadable(body: bytes, fault: str) -> tuple[str, str]:
    try:
        return body.decode("utf-8"), fault if body else "empty"
    except UnicodeDecodeError as error:
        is_aggregated = body.startswith(_AGGREGATED)
        why = "aggregated by the Kinesis Producer Library" if is_aggregated else f"not UTF-8 at byte {error.start}"
        return f"base64:{base64.b64encode(body).decode('ascii')}", why
