"""A program that relays into a file and kills itself with SIGKILL right after its n-th put, before anything is marked.

Arguments: the database, the file, n.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from ledger.outbox.postgres_outbox import relaying
from pipelines.ingest.relay import relay
from pipelines.sources.source import CanonicalEvent


class FileStream:
    """Adds every event to a file as one line."""

    def __init__(self, file: Path, puts: int) -> None:
        self._file, self._puts = file, puts

    def check(self) -> None:
        """It is always there."""

    def put(self, batch: list[CanonicalEvent]) -> int:
        with self._file.open("ab") as file:
            file.writelines(event.body + b"\n" for event in batch)
        self._puts -= 1
        if self._puts == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0


if __name__ == "__main__":
    url, name, puts = sys.argv[1:]
    with relaying(url) as logs:
        relay(
            logs,
            FileStream(Path(name), int(puts)),
            now=lambda: datetime.now(UTC),
            seconds=time.monotonic,
            sleep=time.sleep,
            page=7,
        )
