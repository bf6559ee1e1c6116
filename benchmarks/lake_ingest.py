"""How fast the stream gets into the lake, how soon an event is seen there, and what judging it costs.

Run from the checkout: `python -m benchmarks.lake_ingest`. It starts an AWS endpoint of its own and one Spark, and the
first batch warms it up. What a batch of few records takes is its start-up, the same for every batch; the rate is that
of the records beyond it. Endpoint, reader and Spark share the machine's cores, as they do in the demo: the endpoint
looks at every record that it holds for each answer, and its work, told beside the rate, is part of it.
"""

import json
import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from data_contracts.catalog import contract
from data_contracts.contract import Contract
from data_contracts.quarantine import NO_VIOLATIONS
from data_contracts.schemas import spark_ddl
from pipelines.ingest.contract_type import with_contract_type
from pipelines.ingest.duplicates import across_contracts, candidate_duplicates
from pipelines.ingest.ingest import IngestReport, ingest
from pipelines.ingest.table_rows import accepted_rows
from pipelines.ingest.validation import validated
from pipelines.ingest.verdict import conserved, with_verdict
from pipelines.lake.iceberg import create_namespaces, spark_name
from pipelines.runtime.spark import session
from pipelines.settings import Settings
from pipelines.sources.source import CanonicalEvent
from pipelines.streams.kinesis import KinesisStream, client
from pipelines.streams.records import DDL
from pipelines.streams.stream import batches

EVENTS = 200_000
WARM_UP = 50_000
FEW = 1_000
ROUNDS = 5
LOTS = 12
SEED = 7
TYPE, TABLE = "bank_transaction.v1", "raw.bank_transactions"


def main() -> None:
    """Measure and print the figures as JSON."""
    print(json.dumps(measure(1.0), indent=2), flush=True)


def measure(scale: float) -> dict[str, Any]:
    """The figures of ingest over `scale` times 200,000 invented bank transactions."""
    from tranche.local.runtime import LocalRuntime

    folder = Path(tempfile.mkdtemp(prefix="tranche-bench-", dir="/tmp"))
    runtime = LocalRuntime(folder, parts=("aws",))
    try:
        environment = runtime.up()
        os.environ.update({name: value for name, value in environment.items() if name.startswith("AWS_")})
        kept = {name: os.environ[name] for name in ("TRANCHE_JVM_DIR",) if name in os.environ}
        settings = Settings.from_environment({**environment, "TRANCHE_VAR": str(folder / "var"), **kept})
        spark = session(settings)
        stream = KinesisStream(client(settings), settings.stream, time.sleep)
        count = int(EVENTS * scale)
        put(stream, some_movements("warm", WARM_UP))
        take(spark, settings)
        put(stream, some_movements("few", FEW))
        few = measured_run(spark, settings)
        put(stream, some_movements("cold", count))
        endpoint = runtime_pid(runtime)
        used = cpu_seconds(endpoint)
        whole = measured_run(spark, settings)
        used = cpu_seconds(endpoint) - used
        soon = measured_freshness(spark, settings, stream)
        return {
            "per_s": round((count - FEW) / (whole["all"] - few["all"])),
            "with_start_up_per_s": round(count / whole["all"]),
            "start_up_s": few["all"],
            "seconds": whole,
            "endpoint_cpu_s": round(used, 2),
            "freshness_p50_s": round(median(soon), 2),
            "freshness_p95_s": round(quantiles(soon, n=20)[-1], 2),
            "validation": measured_validation(spark, settings, count),
        }
    finally:
        runtime.reset()
        shutil.rmtree(folder, ignore_errors=True)


def some_movements(lot: str, count: int) -> Iterator[CanonicalEvent]:
    """Valid bank transactions of as many accounts as a hundredth of their number."""
    chance = random.Random(SEED)  # noqa: S311 - invented movements
    opened = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(count):
        at = opened + timedelta(seconds=number)
        account = f"a-{chance.randrange(max(count // 100, 1))}"
        body = {
            "event_id": f"{lot}:{number}",
            "event_type": TYPE,
            "source": "berka",
            "occurred_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "recorded_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "account_id": account,
            "booked_on": f"{at:%Y-%m-%d}",
            "sequence": number,
            "direction": chance.choice(("credit", "debit")),
            "amount_minor": chance.randrange(1, 9_000_00),
            "currency": "CZK",
            "balance_after_minor": chance.randrange(90_000_00),
            "operation": "cash_in",
            "purpose": "other",
        }
        yield CanonicalEvent(f"{lot}:{number}", TYPE, account, json.dumps(body).encode())


def put(stream: KinesisStream, events: Iterator[CanonicalEvent]) -> None:
    for batch in batches(events):
        stream.put(batch)


def take(
    spark: SparkSession,
    settings: Settings,
    sleep: Callable[[float], None] = time.sleep,
    after_commit: Callable[[str], None] = lambda _: None,
) -> IngestReport:
    return ingest(spark, settings, now=lambda: datetime.now(UTC), sleep=sleep, after_commit=after_commit)


def runtime_pid(runtime: Any) -> int:
    """The process of the AWS endpoint."""
    (endpoint,) = [part for part in runtime.status() if part.name == "aws"]
    return int(endpoint.pid)


def cpu_seconds(pid: int) -> float:
    """What a process has used of the cores; nan where the system does not tell it as Linux does."""
    file = Path(f"/proc/{pid}/stat")
    if not file.exists():
        return float("nan")
    fields = file.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured_run(spark: SparkSession, settings: Settings) -> dict[str, float]:
    """Seconds from the start of a run until each step of its batch, without the wait for the stream's clock."""
    waited: list[float] = []
    began = time.perf_counter()
    steps: dict[str, float] = {}

    def wait(seconds: float) -> None:
        waited.append(seconds)
        time.sleep(seconds)

    def mark(step: str) -> None:
        steps[step] = round(time.perf_counter() - began - sum(waited), 2)

    take(spark, settings, wait, mark)
    mark("all")
    return steps


def measured_freshness(spark: SparkSession, settings: Settings, stream: KinesisStream) -> list[float]:
    """Seconds from the put of an event until its table shows it, while ingest runs again and again."""
    put_at: dict[str, float] = {}
    seen_at: list[float] = []

    def produce() -> None:
        for number in range(LOTS):
            lot = f"fresh{number}"
            put_at[lot] = time.time()
            put(stream, some_movements(lot, 100))
            time.sleep(2)

    producer = threading.Thread(target=produce)
    producer.start()
    before = ends(spark, settings).keys()
    while producer.is_alive() or len(set(ends(spark, settings).values())) < LOTS:
        take(spark, settings, after_commit=lambda step: seen_at.append(time.time()) if step == TABLE else None)
        if not producer.is_alive():
            take(spark, settings, after_commit=lambda step: seen_at.append(time.time()) if step == TABLE else None)
            break
    producer.join()
    found = {until: lots for until, lots in ends(spark, settings).items() if until not in before}
    return [seen - put_at[lot] for seen, until in zip(seen_at, sorted(found), strict=True) for lot in found[until]]


def ends(spark: SparkSession, settings: Settings) -> dict[int, frozenset[str]]:
    """The lots that each batch brought."""
    rows = spark.table(spark_name(settings, TABLE)).where("event_id LIKE 'fresh%'")
    found: dict[int, set[str]] = {}
    for row in rows.selectExpr("until", "split(event_id, ':')[0] AS lot").distinct().collect():
        found.setdefault(row.until, set()).add(row.lot)
    return {until: frozenset(lots) for until, lots in found.items()}


def measured_validation(spark: SparkSession, settings: Settings, count: int) -> dict[str, float]:
    """One batch of payloads into a table with and without its contract's rules; rounds of both take turns.

    Without them the values are taken at the types they are declared to have. Everything else that ingest does for a
    batch is done both ways: event types, digests of bodies, the search for repeated ids, counts, the rows themselves.
    """
    beside = replace(settings, lake_prefix="bench_")
    create_namespaces(beside)
    rows = [
        ("shard-0", 0, at, str(at), 1, each.body.decode(), None, TYPE)
        for at, each in enumerate(some_movements("v", count), 1)
    ]
    batch = spark.createDataFrame(rows, DDL).repartition(4).localCheckpoint()
    records = with_contract_type(batch).localCheckpoint()
    found = contract("bank_transaction")
    ways = {"judged": lambda: validated(records, TYPE), "trusted": lambda: trusted(records, found)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(ROUNDS + 1):
        for name, frame_of in ways.items():
            began = time.perf_counter()
            frame = frame_of().localCheckpoint(eager=False)
            assert candidate_duplicates(across_contracts([frame]), None).count() == 0
            judged = with_verdict(frame, None)
            assert conserved([judged], count, until=1)[TYPE].accepted == count
            accepted = accepted_rows(judged, found, "current_timestamp()")
            accepted.writeTo(spark_name(beside, f"raw.{name}_{round_}")).using("iceberg").create()
            seconds[name].append(time.perf_counter() - began)
    medians = {name: median(each[1:]) for name, each in seconds.items()}
    return {
        "judged_s": round(medians["judged"], 2),
        "trusted_s": round(medians["trusted"], 2),
        "ratio": round(medians["judged"] / medians["trusted"], 2),
    }


def trusted(records: DataFrame, found: Contract) -> DataFrame:
    """The columns of `validated` without any rule applied."""
    names = [column.name for column in found.columns]
    ddl = spark_ddl(found).replace("\n", " ")
    read = records.selectExpr("*", f"from_json(payload, '{ddl}') AS event")
    return read.selectExpr(
        *records.columns,
        *[f"event.{name} AS {name}" for name in names],
        f"{NO_VIOLATIONS} AS violations",
        f"'{found.version}' AS contract_version",
        f"xxhash64({', '.join(f'event.{name}' for name in names)}) AS body_digest",
    )


if __name__ == "__main__":
    main()
