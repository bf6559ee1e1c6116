"""A program that ingests and kills itself with SIGKILL as soon as the table of its argument is committed."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import UTC, datetime

from pipelines.ingest import ingest
from pipelines.settings import Settings
from pipelines.spark import session


def die_after(table: str) -> None:
    if table == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    settings = Settings.from_environment()
    ingest(session(settings), settings, now=lambda: datetime.now(UTC), sleep=time.sleep, after_commit=die_after)
