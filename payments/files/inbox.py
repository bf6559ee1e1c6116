"""Lists the files of an inbox that are still to be taken, in order."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from payments.files.control_file import FileContent
from terminal.fault import Fault

# What a file is, its content says; the suffix only tells files of money from others that lie beside them.
SUFFIXES = frozenset({".csv", ".xml", ".json", ".sta", ".mt940", ".940", ".bai", ".bai2"})
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class InboxFault(Fault):
    """Raised when the inbox is not a folder."""


def unseen(inbox: Path, taken: Mapping[str, str], upto: date | None = None) -> list[Path]:
    """Files of days up to `upto`, oldest first, except those taken before under the same name with the same content.

    A file's day is the date in its name; a file without a date in its name is always included.
    """
    if not inbox.is_dir():
        raise InboxFault(f"{inbox}: no such folder to take files from")
    found = []
    for path in sorted(path for path in inbox.iterdir() if path.suffix.lower() in SUFFIXES and not path.is_dir()):
        day = _day_in(path.name)
        if upto is not None and day is not None and day > upto:
            continue
        if path.name not in taken or taken[path.name] != _digest(path):
            found.append((day or date.min, path.name, path))
    return [path for _, _, path in sorted(found)]


def _day_in(name: str) -> date | None:
    """The date in a file's name, if there is one and it exists in the calendar."""
    named = _DAY.search(name)
    try:
        return date.fromisoformat(named[0]) if named else None
    except ValueError:
        return None


def _digest(path: Path) -> str | None:
    """The hash of the file's bytes; None if it cannot be read, which its reader then reports."""
    try:
        return FileContent(path).digest
    except OSError:
        return None
