"""An append-only book on disk: one JSON record a line, on the disk before anything is answered from it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from terminal.fault import Fault

Record = dict[str, Any]


class BookFault(Fault):
    """The book on disk is damaged; names the file and the line."""


class Book:
    """Records in the order of writing; one that a crash cut off was never answered, and is dropped."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        self.records: list[Record] = []
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self.records.append(json.loads(line))
            except ValueError as error:
                raise BookFault(f"{path}: line {number} is not JSON") from error
        self._file = path.open("ab")
        if len(whole) < len(content):
            self._file.truncate(len(whole))

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record and wait until the disk has it."""
        self._file.write(json.dumps(record, separators=(",", ":"), sort_keys=True).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.records.append(dict(record))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
