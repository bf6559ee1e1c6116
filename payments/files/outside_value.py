"""Converts a text of an outside file into a value that everything behind it can store and add up.

The limits are those of the narrowest place behind: PostgreSQL stores no NUL and no number beyond 64 bits, and sums over
many rows must stay within them too. Each function raises ValueError with a reason that quotes the text.
"""

import re
from datetime import date

LARGEST = 10**15  # the largest amount or running balance, in minor units
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LINE_BREAKS = re.compile(r"[\r\n]+")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def whole_of(text: str) -> int:
    """A whole number written in ASCII digits, without separators, of at most `LARGEST` either way.

    >>> whole_of("-1250")
    -1250
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{_shown(text)} is not a whole number")
    if abs(int(text)) > LARGEST:
        raise ValueError(f"{_shown(text)} is beyond {LARGEST}")
    return int(text)


def day_of(text: str) -> date:
    """A date in the one spelling `2026-02-28`, in the range that we keep."""
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise ValueError(f"{_shown(text)} is not a date such as 2026-02-28")
    return day_in_range(day)


def day_in_range(day: date) -> date:
    """The day itself. Many banks write 9999-12-31 for "no day", and no calendar of ours goes so far."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{day} is not between {FIRST_DAY} and {LAST_DAY}")
    return day


def line_of_text(text: str) -> str:
    r"""The text with each line break replaced by a space, and without any other control character.

    >>> line_of_text("ACME LTD\nLONDON")
    'ACME LTD LONDON'
    """
    found = _CONTROL.search(text)
    if found is not None:
        raise ValueError(f"holds the control character {found[0]!a}")
    return _LINE_BREAKS.sub(" ", text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
