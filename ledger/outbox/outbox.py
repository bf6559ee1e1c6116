"""Facts written in the database transaction that made them true, to be published to the stream afterwards.

A fact's payload is the whole event as its contract describes it, except `sequence`: that is the position of the row,
known only once it is written, and the relay adds it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ledger.books.postgres_arrays import moments, texts
from ledger.books.store import Conflict
from ledger.database import Database

_APPEND = """
INSERT INTO ledger.outbox (event_id, event_type, key, payload, occurred_at, recorded_at)
VALUES (%s, %s, %s, %s::jsonb, %s, %s) ON CONFLICT (event_id) DO NOTHING
"""
_APPEND_ALL = """
INSERT INTO ledger.outbox (event_id, event_type, key, payload, occurred_at, recorded_at)
SELECT u.event_id, u.event_type, u.key, u.payload::jsonb, u.occurred_at, u.recorded_at
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
       AS u (event_id, event_type, key, payload, occurred_at, recorded_at)
    ON CONFLICT (event_id) DO NOTHING
"""
# `recorded_at` may differ when a fact is written again; the first one stands.
_KNOWN = """
SELECT event_type <> %s, key <> %s, payload - 'recorded_at' <> %s::jsonb - 'recorded_at', occurred_at <> %s
  FROM ledger.outbox WHERE event_id = %s
"""

SOURCE = "platform"

_encoded = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact; `key` is the partition key of the stream: facts of one key keep their order."""

    event_id: str
    event_type: str
    key: str
    payload: Mapping[str, Any]
    occurred_at: datetime
    recorded_at: datetime


def fact(
    event_type: str,
    event_id: str,
    key: str,
    columns: Mapping[str, Any],
    *,
    occurred_at: datetime,
    recorded_at: datetime,
) -> Fact:
    """A fact of the platform: the columns of its contract in the envelope that every event has.

    `recorded_at` is at least `occurred_at`: a file of a day may contain times later than its arrival.

    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> told = fact("plan_opened.v1", "plan:p-1", "p-1", {"plan_id": "p-1"}, occurred_at=noon, recorded_at=noon)
    >>> told.payload["occurred_at"]
    '2026-03-02T12:00:00.000000Z'
    """
    recorded_at = max(occurred_at, recorded_at)
    envelope = {
        "event_id": event_id,
        "event_type": event_type,
        "source": SOURCE,
        "occurred_at": instant(occurred_at),
        "recorded_at": instant(recorded_at),
    }
    return Fact(event_id, event_type, key, {**envelope, **columns}, occurred_at, recorded_at)


@lru_cache(maxsize=1024)
def instant(at: datetime) -> str:
    """A time as written in events: UTC with microseconds. Remembered, because the facts of a batch share theirs."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def append(
    connection: Database,
    *,
    event_id: str,
    event_type: str,
    key: str,
    payload: Mapping[str, Any],
    occurred_at: datetime,
    recorded_at: datetime,
) -> bool:
    """Write a fact once; False when it exists with the same content. Raises Conflict when it exists with other content.

    `key` is the partition key of the stream: facts with the same key keep their order.
    """
    written = _encoded(payload)
    row = (event_id, event_type, key, written, occurred_at, recorded_at)
    if connection.execute(_APPEND, row).rowcount == 1:
        return True
    differs = connection.execute(_KNOWN, (event_type, key, written, occurred_at, event_id)).fetchone()
    for field, other in zip(("event_type", "key", "payload", "occurred_at"), differs, strict=True):
        if other:
            raise Conflict(event_id, field)
    return False


def append_all(connection: Database, facts: Sequence[Fact]) -> int:
    """Write many facts in order in one statement, each once; how many were new. Raises Conflict like `append`."""
    if not facts:
        return 0
    columns = [
        texts([fact.event_id for fact in facts]),
        texts([fact.event_type for fact in facts]),
        texts([fact.key for fact in facts]),
        texts([_encoded(fact.payload) for fact in facts]),
        moments([fact.occurred_at for fact in facts]),
        moments([fact.recorded_at for fact in facts]),
    ]
    added = connection.execute(_APPEND_ALL, columns).rowcount
    if added < len(facts):
        for fact in facts:
            append(
                connection,
                event_id=fact.event_id,
                event_type=fact.event_type,
                key=fact.key,
                payload=fact.payload,
                occurred_at=fact.occurred_at,
                recorded_at=fact.recorded_at,
            )
    return added
