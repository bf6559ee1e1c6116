"""One text and one digest for one content."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def canonical(body: Mapping[str, Any]) -> str:
    """One text for one content.

    >>> canonical({"b": 1, "a": [0.1, None]})
    '{"a":[0.1,null],"b":1}'
    """
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(inputs: str, answer: str) -> str:
    """The identity of a record: any change of a byte in it gives another."""
    return hashlib.sha256(f"{inputs}\n{answer}".encode()).hexdigest()


def moment(at: datetime) -> str:
    """An instant in UTC, always with its microseconds.

    >>> moment(datetime(1996, 3, 1, tzinfo=UTC))
    '1996-03-01T00:00:00.000000Z'
    """
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
