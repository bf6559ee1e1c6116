"""Cursors of pages: opaque words that say after which row the next page begins."""

import base64
import binascii
import json
from collections.abc import Sequence


class CursorFault(ValueError):
    """Raised for a cursor that no page of this list gave out."""


def write_cursor(listed: str, *place: str) -> str:
    """The cursor behind a row of a list; `place` are the values by which the list is ordered.

    >>> read_cursor("plans", write_cursor("plans", "2026-03-02", "p-1"), 2)
    ['2026-03-02', 'p-1']
    """
    text = json.dumps([listed, *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(listed: str, cursor: str, values: int) -> Sequence[str]:
    """The place of a cursor of this list. Raises CursorFault."""
    try:
        name, *rest = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, UnicodeError, ValueError, TypeError) as error:
        raise CursorFault("is no cursor that a page gave out") from error
    place = [each for each in rest if isinstance(each, str)]
    if name != listed or not len(place) == len(rest) == values:
        raise CursorFault(f"is no cursor of {listed}")
    return place
