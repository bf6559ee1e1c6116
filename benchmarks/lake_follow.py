"""How soon an event that is put on the stream is in the vector that a decision reads, and what a round costs.

Run from the checkout: `python -m benchmarks.lake_follow`. It starts an AWS endpoint and a PostgreSQL of its own and one
Spark. A reader asks the store for each lot's account until its vector counts the lot's movements, as a decision would;
that time, not the job's own word, is the figure. The first rounds warm up and are not counted.
"""

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.lake_ingest import put, some_movements
from data_contracts.samples import read_samples
from features.postgres import vector_store
from pipelines.follow_stream.follow import Ages, Round, follow
from pipelines.follow_stream.follow_steps import LakeSteps
from pipelines.lake.iceberg import IcebergTables, catalog
from pipelines.lake.iceberg_changes import IcebergChanges
from pipelines.runtime.spark import session
from pipelines.settings import Settings
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.backlog import Backlog
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.postgres_turn import ingesting
from pipelines.vectors.published_vectors import published_vectors
from pipelines.vectors.refresh_features import refresh

HISTORY = 100_000
LOTS = 20
LOT = 100
PAUSE_S = 5.0
LONGEST = timedelta(minutes=10)
SERVED = published_vectors()["applicant"]


def main() -> None:
    """Measure and print the figures as JSON."""
    print(json.dumps(measure(1.0), indent=2), flush=True)


def measure(scale: float = 1.0) -> dict[str, Any]:
    """The figures of the stream job over `scale` times 100,000 movements that the lake has, and twenty lots behind."""
    from tranche.local.runtime import LocalRuntime

    folder = Path(tempfile.mkdtemp(prefix="tranche-bench-", dir="/tmp"))
    runtime = LocalRuntime(folder, parts=("aws", "postgres"))
    try:
        environment = runtime.up()
        os.environ.update({name: value for name, value in environment.items() if name.startswith("AWS_")})
        kept = {name: os.environ[name] for name in ("TRANCHE_JVM_DIR",) if name in os.environ}
        settings = Settings.from_environment({**environment, "TRANCHE_VAR": str(folder / "var"), **kept})
        return measured(settings, environment["TRANCHE_DATABASE_URL"], int(HISTORY * scale))
    finally:
        runtime.reset()
        shutil.rmtree(folder, ignore_errors=True)


def measured(settings: Settings, database_url: str, history: int) -> dict[str, Any]:
    """Follow a lake with a history, while lots are put and looked for."""
    stream = KinesisStream(client(settings), settings.stream, time.sleep)
    changes = IcebergChanges(settings)
    steps = LakeSteps(
        spark=session(settings),
        settings=settings,
        backlog=Backlog(stream, catalog(settings), settings),
        tables=IcebergTables(settings),
        changes=changes,
        store=partial(vector_store, database_url),
        turn=partial(ingesting, database_url, settings),
        now=_now,
        sleep=time.sleep,
    )
    movements = list(some_movements("history", history))
    put(stream, accounts({each.account_id for each in movements} | {f"lot-{number}" for number in range(LOTS)}))
    put(stream, iter(movements))
    follow(steps, now=_now, wait=lambda _: True)
    with vector_store(database_url) as store:
        refresh(changes, store, SERVED, _now())  # the first version, which a build would make
    stop, rounds, soon = threading.Event(), list[Round](), list[float]()
    lots = threading.Thread(target=put_and_look, args=(stream, database_url, soon, stop))
    lots.start()
    until = _now() + LONGEST
    report = follow(steps, now=_now, wait=stop.wait, every_s=1, until=until, told=rounds.append)
    stop.set()
    lots.join()
    busy = [each for each in rounds[1:] if each.refreshed]
    ages = Ages.of(soon[1:])
    return {
        "freshness_p50_s": _round(ages.p50_s),
        "freshness_p95_s": _round(ages.p95_s),
        "told_p95_s": _round(report.put_age.p95_s),
        "events": history,
        "rounds": len(busy),
        "faults": report.faults,
        "round_s": {step: _round(median(each.seconds[step] for each in busy)) for step in busy[0].seconds},
        "idle_round_s": _round(median([each.seconds["look"] for each in rounds if each.is_idle] or [0.0])),
    }


def accounts(names: set[str]) -> Iterator[CanonicalEvent]:
    """The accounts that the movements speak of."""
    valid = read_samples("account").valid[0]
    for name in sorted(names):
        body = {**valid, "event_id": f"account:{name}", "account_id": name}
        yield CanonicalEvent(f"account:{name}", "account.v1", name, json.dumps(body).encode())


def put_and_look(stream: KinesisStream, database_url: str, soon: list[float], stop: threading.Event) -> None:
    """Put lot after lot, each of an account of its own, and note how long each takes to be read."""
    waiting: dict[str, float] = {}
    put_next, number = time.monotonic(), 0
    while (waiting or number < LOTS) and not stop.is_set():
        if number < LOTS and time.monotonic() >= put_next:
            account = f"lot-{number}"
            put(stream, (_of(each, account) for each in some_movements(account, LOT)))
            waiting[account] = time.monotonic()
            put_next, number = time.monotonic() + PAUSE_S, number + 1
        with vector_store(database_url) as store:
            found = store.latest_all([(account, SERVED.digest) for account in waiting], _now())
        for account, vector in zip(list(waiting), found, strict=True):
            if vector is not None and vector.values["events_ever"] == LOT:
                soon.append(time.monotonic() - waiting.pop(account))
        time.sleep(0.1)
    time.sleep(PAUSE_S)  # for a round without news
    stop.set()


def _of(event: CanonicalEvent, account: str) -> CanonicalEvent:
    body = json.dumps(json.loads(event.body) | {"account_id": account}).encode()
    return replace(event, account_id=account, body=body)


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
