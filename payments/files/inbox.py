"""Lists the files of an inbox that are still to be taken, in order."""

import hashlib
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from terminal.fault import Fault

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class InboxFault(Fault):
    """Raised when the inbox is not a folder."""


def unseen(inbox: Path, taken: Mapping[str, str], upto: date | None = None) -> list[Path]:
    """Files of days up to `upto`, oldest first, except those taken before under the same name with the same content.

    A file's day is the date in its name; a file without a date in its name is always included.
    """
    if not inbox.is_dir():
        raise InboxFault(f"{inbox}: no such folder to take files from")
    found = []
    for path in sorted(inbox.glob("*.csv")):
        named = _DAY.search(path.name)
        day = date.fromisoformat(named[0]) if named else None
        if upto is not None and day is not None and day > upto:
            continue
        if taken.get(path.name) != hashlib.sha256(path.read_bytes()).hexdigest():
            found.append((day or date.min, path.name, path))
    return [path for _, _, path in sorted(found)]
