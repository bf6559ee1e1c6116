"""Columns of a batch as PostgreSQL array literals, built much faster than by psycopg's adaptation of each value."""

from collections.abc import Sequence
from datetime import date, datetime

_BETWEEN = "\x1e"


def numbers(values: Sequence[int | None]) -> str:
    """An array of integers; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def truths(values: Sequence[bool]) -> str:
    """An array of booleans."""
    return "{" + ",".join(["t" if value else "f" for value in values]) + "}"


def texts(values: Sequence[str]) -> str:
    """An array of texts. They are quoted in one pass, and one by one only when a text contains the separator."""
    if not values:
        return "{}"
    joined = _BETWEEN.join(values)
    if joined.count(_BETWEEN) >= len(values):
        return "{" + ",".join([f'"{_quoted(value)}"' for value in values]) + "}"
    return '{"' + _quoted(joined).replace(_BETWEEN, '","') + '"}'


def texts_or_null(values: Sequence[str | None]) -> str:
    """An array of texts, most of them NULL. A shorter array is enough, because unnest pads it with NULL."""
    if not any(values):
        return "{}"
    return "{" + ",".join(["NULL" if value is None else f'"{_quoted(value)}"' for value in values]) + "}"


def moments(values: Sequence[date | datetime | None]) -> str:
    """An array of dates or timestamps; each distinct value is formatted once."""
    written: dict[date | datetime | None, str] = {None: "NULL"}
    found = []
    for value in values:
        text = written.get(value)
        if text is None:
            text = written[value] = f'"{value}"'
        found.append(text)
    return "{" + ",".join(found) + "}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
