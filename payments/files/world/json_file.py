"""Reads a JSON file whole and strictly: no key twice, no number with an exponent, no endless nesting."""

import json
from decimal import Decimal
from typing import Any

from payments.files.world.source_file import UTF8_BOM, SourceFile

# Providers page their lists, so a file of theirs is small; parsed, it takes some ten times its size.
LARGEST_JSON = 64 * 1024 * 1024


class _RefusedJson(ValueError):
    """Raised inside the parser for what JSON allows and we do not."""


def load_json(source: SourceFile) -> Any:
    """The content of the file; raises FileFault if it is no JSON or not of the strict kind."""
    if source.size > LARGEST_JSON:
        raise source.at(0).fault("(file)", f"has {source.size:,} bytes; of JSON at most {LARGEST_JSON:,} are read")
    with source.open() as file:
        raw = file.read().removeprefix(UTF8_BOM)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise source.at(raw[: error.start].count(b"\n") + 1).fault("(file)", "is not UTF-8") from error
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_constant, object_pairs_hook=_once)
    except RecursionError as error:
        raise source.at(0).fault("(file)", "is nested too deep") from error
    except json.JSONDecodeError as error:
        raise source.at(error.lineno).fault("(file)", f"is not JSON: {error.msg}") from error
    except ValueError as error:  # ours, and a whole number of thousands of digits
        raise source.at(0).fault("(file)", f"is not read: {str(error)[:120]}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedJson("an object has a key twice")
    return found


def _constant(name: str) -> Any:
    raise _RefusedJson(f"{name} is not a number")
