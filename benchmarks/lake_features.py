"""Point-in-time features: Spark, hand-written DuckDB and our DuckDB engine on the same Parquet, taking turns.

Thirty windowed features for one hundredth as many moments as there are events: `python -m benchmarks lake_features`.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from features.as_of import days_sql, point_in_time_sql
from features.catalog import FeatureSet
from features.duckdb import translated
from features.feature import Feature
from features.measure import Measure
from features.source import FeatureSource

ROUNDS = 3
EVENTS_OF_A_SUBJECT = 100
DAYS = 400
WINDOWS = (7, 30, 90, 180)
AS_OF = "2026-01-01 00:00:00+00:00"


def main() -> None:
    """Measure a million and ten million events; with FULL=1 a hundred million once."""
    sizes = (1_000_000, 10_000_000, *([100_000_000] if os.environ.get("FULL") == "1" else []))
    for events in sizes:
        for name, value in measure(events, rounds=1 if events > sizes[1] else ROUNDS).items():
            print(f"{f'features.{events}.{name}':<44}{value:>12,.3f}")
    for of_a_subject, ratio in increment_by_density().items():
        print(f"{f'features.increment_by_density.{of_a_subject}':<44}{ratio:>12,.3f}")


def measure(events: int, rounds: int = ROUNDS, spark: Any = None) -> dict[str, float]:
    """Median seconds of each way over the rounds, their ratios, and the greatest memory that each process held."""
    spark = spark or _session()
    with tempfile.TemporaryDirectory(prefix="tranche-features-") as folder:
        paths = generated(Path(folder), events)
        ways = {
            "spark_s": _by_spark(spark, paths),
            "duckdb_s": by_duckdb(HAND_WRITTEN, paths),
            "engine_s": by_duckdb(ENGINE, paths),
            "increment_s": increment(paths),
        }
        ways["spark_s"]()  # warm: the job that the schedule runs has compiled its plan before the second table
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, run in ways.items():
                seconds[name].append(_seconds(run))
    figures = {name: median(taken) for name, taken in seconds.items()}
    return figures | {
        "spark_to_duckdb": figures["spark_s"] / figures["duckdb_s"],
        "engine_to_duckdb": figures["engine_s"] / figures["duckdb_s"],
        "increment_ratio": figures["increment_s"] / figures["engine_s"],
        "python_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "spark_peak_mb": _spark_peak(spark),
    }


_CREDIT, _DEBIT = "direction = 'credit'", "direction = 'debit'"
_MEASURES: dict[str, Measure] = {
    **{f"credits_{days}d": Measure("sum", "amount_minor", _CREDIT, days) for days in WINDOWS},
    **{f"debits_{days}d": Measure("sum", "amount_minor", _DEBIT, days) for days in WINDOWS},
    **{f"bookings_{days}d": Measure("count", within=days) for days in WINDOWS},
    **{f"cards_{days}d": Measure("count", where="operation = 'card'", within=days) for days in WINDOWS},
    **{f"low_{days}d": Measure("min", "balance_after_minor", within=days) for days in WINDOWS},
    **{f"high_{days}d": Measure("max", "balance_after_minor", within=days) for days in WINDOWS},
    **{f"largest_{days}d": Measure("max", "amount_minor", _DEBIT, days) for days in (30, 180)},
    "last_balance": Measure("last", "balance_after_minor", within=180),
    "balance_at_30d": Measure("last", "balance_after_minor", within=180, beyond=30),
    "deviation_180d": Measure("deviation", "balance_after_minor", within=180),
    "overdrawn_days_180d": Measure("distinct_days", where="balance_after_minor < 0", within=180),
}
SET = FeatureSet(
    entity="benchmark",
    keys=("account_id",),
    sources=(
        FeatureSource(
            name="bank",
            table="curated.bank_transactions",
            key="account_id",
            columns={
                "direction": "string",
                "amount_minor": "bigint",
                "balance_after_minor": "bigint",
                "operation": "string",
            },
            measures=_MEASURES,
            complete=False,
            by_days=True,
        ),
    ),
    lake=tuple(Feature(f"feature_{name}", "benchmark", "one of thirty", "minor", name) for name in _MEASURES),
)


def _by_hand() -> str:
    """The same thirty as someone would write them in DuckDB who knows it well: the age once, then plain filters."""
    day = 86_400_000_000
    newest = "(occurred_at, sequence, recorded_at, event_id)"
    columns = []
    for days in WINDOWS:
        recent = f"age <= {days * day}"
        columns += [
            f"sum(amount_minor) FILTER (direction = 'credit' AND {recent}) AS credits_{days}d",
            f"sum(amount_minor) FILTER (direction = 'debit' AND {recent}) AS debits_{days}d",
            f"count(*) FILTER ({recent}) AS bookings_{days}d",
            f"count(*) FILTER (operation = 'card' AND {recent}) AS cards_{days}d",
            f"min(balance_after_minor) FILTER ({recent}) AS low_{days}d",
            f"max(balance_after_minor) FILTER ({recent}) AS high_{days}d",
        ]
    columns += [
        f"max(amount_minor) FILTER (direction = 'debit' AND age <= {days * day}) AS largest_{days}d"
        for days in (30, 180)
    ]
    columns += [
        f"arg_max(balance_after_minor, {newest}) AS last_balance",
        f"arg_max(balance_after_minor, {newest}) FILTER (age > {30 * day}) AS balance_at_30d",
        "stddev_pop(balance_after_minor) AS deviation_180d",
        "count(DISTINCT occurred_at::DATE) FILTER (balance_after_minor < 0) AS overdrawn_days_180d",
    ]
    return f"""
        WITH known AS (
            SELECT *, epoch_us(as_of) - epoch_us(occurred_at) AS age
              FROM moments JOIN events USING (account_id)
             WHERE occurred_at < as_of AND recorded_at <= as_of AND occurred_at >= as_of - INTERVAL 180 DAY
        ), thirty AS (
            SELECT account_id, as_of, {", ".join(columns)} FROM known GROUP BY account_id, as_of
        )
        FROM moments LEFT JOIN thirty USING (account_id, as_of)
    """  # noqa: S608


HAND_WRITTEN = _by_hand()
ENGINE = translated(point_in_time_sql(SET, "moments", {"bank": "events"}))


def increment_by_density(events: int = 4_000_000, rounds: int = ROUNDS) -> dict[str, float]:
    """Increment / full build for accounts of 100, 400 and 4,000 events in 400 days: it pays where days hold many."""
    ratios = {}
    for of_a_subject in (EVENTS_OF_A_SUBJECT, 400, 4_000):
        with tempfile.TemporaryDirectory(prefix="tranche-features-") as folder:
            paths = generated(Path(folder), events, of_a_subject)
            full, part = by_duckdb(ENGINE, paths), increment(paths)
            seconds: list[tuple[float, float]] = [(_seconds(full), _seconds(part)) for _ in range(rounds)]
        ratios[str(of_a_subject)] = median(each for _, each in seconds) / median(each for each, _ in seconds)
    return ratios


def _seconds(run: Callable[[], object]) -> float:
    began = time.monotonic()
    run()
    return time.monotonic() - began


def generated(folder: Path, events: int, of_a_subject: int = EVENTS_OF_A_SUBJECT) -> dict[str, Path]:
    """Bookings of accounts over 400 days in no order, `of_a_subject` each, and one moment of each account."""
    paths = {name: folder / f"{name}.parquet" for name in ("events", "moments", "days", "fresh")}
    subjects = events // of_a_subject
    day = f"hash(n * 7) % {DAYS}"
    with _engine() as engine:
        engine.execute(f"""
            COPY (SELECT 'account-' || hash(n) % {subjects} AS account_id, 'bank:' || n AS event_id,
                         occurred_at, occurred_at + INTERVAL 1 DAY AS recorded_at, (n % 7)::BIGINT AS sequence,
                         CASE WHEN n % 3 = 0 THEN 'credit' ELSE 'debit' END AS direction,
                         (hash(n * 3) % 500000)::BIGINT AS amount_minor,
                         (hash(n * 5) % 9000000)::BIGINT - 500000 AS balance_after_minor,
                         (['card', 'cash_out', 'transfer_in', 'transfer_out'])[n % 4 + 1] AS operation
                    FROM (SELECT n, TIMESTAMPTZ '{AS_OF}' - to_days(({day})::INTEGER)
                                 - to_seconds((hash(n * 13) % 86400)::DOUBLE) AS occurred_at
                            FROM range({events}) AS numbers(n)))
              TO '{paths["events"]}' (FORMAT parquet)
        """)  # noqa: S608
        engine.execute(f"""
            COPY (SELECT 'account-' || n AS account_id, TIMESTAMPTZ '{AS_OF}' AS as_of FROM range({subjects}) AS of(n))
              TO '{paths["moments"]}' (FORMAT parquet)
        """)  # noqa: S608
        _views(engine, paths)
        kept = translated(days_sql(SET.sources[0], "events"))
        engine.execute(f"COPY ({kept}) TO '{paths['days']}' (FORMAT parquet)")
        # What a day brings: its own events and a few late ones, beside which the lake stays as it was.
        gained = f"occurred_at >= TIMESTAMPTZ '{AS_OF}' - INTERVAL 2 DAY"
        engine.execute(f"COPY (SELECT * FROM events WHERE {gained}) TO '{paths['fresh']}' (FORMAT parquet)")  # noqa: S608
    return paths


def by_duckdb(query: str, paths: dict[str, Path]) -> Callable[[], object]:
    def run() -> object:
        with _engine() as engine:
            _views(engine, paths)
            return engine.sql(query).to_arrow_table()

    return run


def increment(paths: dict[str, Path]) -> Callable[[], object]:
    """The next day's build: two days are summed anew from their events, the others are read as they were kept."""
    fresh = translated(days_sql(SET.sources[0], "gained_events"))
    final = translated(point_in_time_sql(SET, "moments", {"bank": "days_now"}, by_days={"bank"}))

    def run() -> object:
        with _engine() as engine:
            _views(engine, paths)
            engine.execute(f"CREATE VIEW gained_events AS FROM '{paths['fresh']}'")
            engine.execute(f"CREATE TABLE gained_days AS {fresh}")
            engine.execute(f"""
                CREATE VIEW days_now AS
                SELECT * FROM '{paths["days"]}' WHERE event_day NOT IN (SELECT DISTINCT event_day FROM gained_days)
                UNION ALL SELECT * FROM gained_days
            """)  # noqa: S608
            return engine.sql(final).to_arrow_table()

    return run


def _by_spark(spark: Any, paths: dict[str, Path]) -> Callable[[], object]:
    for name in ("events", "moments"):
        spark.read.parquet(str(paths[name])).createOrReplaceTempView(f"bench_{name}")
    query = point_in_time_sql(SET, "bench_moments", {"bank": "bench_events"})
    return lambda: spark.sql(query).write.format("noop").mode("overwrite").save()


def _views(engine: Any, paths: dict[str, Path]) -> None:
    for name in ("events", "moments"):
        engine.execute(f"CREATE VIEW {name} AS FROM '{paths[name]}'")


def _engine() -> Any:
    engine = duckdb.connect()
    engine.execute(f"SET TimeZone = 'UTC'; SET threads = {os.cpu_count()}; SET enable_progress_bar = false")
    return engine


def _session() -> Any:
    from pipelines.runtime.spark import session
    from pipelines.settings import Settings

    # It reads files alone: no endpoint is asked.
    return session(Settings.from_environment({"TRANCHE_AWS_ENDPOINT": "", **os.environ}))


def _spark_peak(spark: Any) -> float:
    """Megabytes that the JVM held at most."""
    pid = spark._jvm.java.lang.ProcessHandle.current().pid()  # noqa: SLF001 - no public way to ask the JVM
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return float("nan")
    (peak,) = [line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")]
    return int(peak.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
