"""Facts written in the database transaction that made them true, to be published to the stream afterwards."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ledger.database import Database
from ledger.store import Conflict

_APPEND = """
INSERT INTO ledger.outbox (event_id, event_type, key, payload, occurred_at, recorded_at)
VALUES (%s, %s, %s, %s::jsonb, %s, %s) ON CONFLICT (event_id) DO NOTHING
"""
_KNOWN = """
SELECT event_type <> %s, key <> %s, payload <> %s::jsonb, occurred_at <> %s FROM ledger.outbox WHERE event_id = %s
"""


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
    """Write a fact once; False when it was there with the same content. Raises Conflict when it was there with another.

    `key` is the partition key of the stream: facts of one key keep their order.
    """
    written = json.dumps(payload, ensure_ascii=False)
    row = (event_id, event_type, key, written, occurred_at, recorded_at)
    if connection.execute(_APPEND, row).rowcount == 1:
        return True
    differs = connection.execute(_KNOWN, (event_type, key, written, occurred_at, event_id)).fetchone()
    for field, other in zip(("event_type", "key", "payload", "occurred_at"), differs, strict=True):
        if other:
            raise Conflict(event_id, field)
    return False
