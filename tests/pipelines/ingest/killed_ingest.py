"""A program that ingests and kills itself with SIGKILL: at the step of its argument, or after a number of seconds.

A number is a delay; the clock starts when Spark is up and the first record has yet to be read.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime

from pipelines.ingest.ingest import ingest
from pipelines.runtime.spark import session
from pipelines.settings import Settings


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(step: str) -> None:
    if step == sys.argv[1]:
        die()


if __name__ == "__main__":
    settings = Settings.from_environment()
    spark = session(settings)
    delays = [float(sys.argv[1])] if sys.argv[1].replace(".", "").isdigit() else []
    timers = [threading.Timer(delay, die) for delay in delays]
    for timer in timers:
        timer.start()
    ingest(spark, settings, now=lambda: datetime.now(UTC), sleep=time.sleep, after_commit=die_at)
    # A delay that is longer than the work lasts kills behind it.
    for timer in timers:
        timer.join()
