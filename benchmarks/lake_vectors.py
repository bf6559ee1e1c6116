"""How fast vectors are published into PostgreSQL and read by a decision.

From the checkout: `python -m benchmarks lake_vectors`. It starts a PostgreSQL of its own with its usual durability.
"""

import json
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa

from features.batch import VectorBatch, batch_of
from features.postgres import PostgresVectors, vector_store
from features.publication import Sources

VECTORS = 200_000
FEATURES = 80
UNKNOWN = 0.1  # share of the values that are null
READS = 5_000
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
DIGEST = "b" * 64


def feature_rows(vectors: int, features: int = FEATURES, changed: int = 0) -> pa.Table:
    """Rows as a feature table of the lake holds them; the first `changed` differ from those of `changed=0`."""
    random = np.random.default_rng(1)
    columns: dict[str, Any] = {
        "account_id": pa.array([f"account-{number:08}" for number in range(vectors)]),
        "as_of": pa.array([AS_OF] * vectors, pa.timestamp("us", tz="UTC")),
        "observed_until": pa.array([AS_OF - timedelta(days=1)] * vectors, pa.timestamp("us", tz="UTC")),
        "snapshot_id": pa.array(np.full(vectors, 7)),
    }
    for number in range(features):
        values = random.integers(0, 10**9, vectors) if number % 2 else random.random(vectors)
        if number == 0:
            values[:changed] += 1
        columns[f"feature_{number:02}"] = pa.array(values, mask=random.random(vectors) < UNKNOWN)
    return pa.table(columns)


def as_batch(rows: pa.Table) -> VectorBatch:
    """The rows as `publish-features` hands them over."""
    names = [name for name in rows.column_names if name.startswith("feature_")]
    return batch_of(
        rows,
        digest=DIGEST,
        entity="applicant",
        key="account_id",
        names=names,
        snapshots={"snapshot_id": "curated.bank"},
    )


def published(url: str, rows: pa.Table) -> float:
    """Seconds from rows to a committed, active version."""
    began = time.perf_counter()
    with vector_store(url) as store:
        store.hand_over(as_batch(rows), "whole", Sources({"features.applicant": 1}))
    return time.perf_counter() - began


def read_latencies(url: str, vectors: int, reads: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each read of one vector over one connection, and of a statement that reads nothing beside it."""
    random, taken = np.random.default_rng(2), []
    empty = []
    with psycopg.connect(url, autocommit=True) as connection:
        store = PostgresVectors(connection)
        for number in range(reads + 200):
            entity = f"account-{random.integers(vectors):08}"
            began = time.perf_counter()
            vector = store.latest(entity, DIGEST, AS_OF)
            taken.append((time.perf_counter() - began) * 1000)
            assert vector is not None, number
            began = time.perf_counter()
            connection.execute("SELECT 1", prepare=True).fetchone()
            empty.append((time.perf_counter() - began) * 1000)
    return taken[200:], empty[200:]


def measure(vectors: int = VECTORS, reads: int = READS) -> dict[str, Any]:
    """The figures of this part of the benchmarks, over a database of its own."""
    from tranche.local.runtime import LocalRuntime

    folder = Path(tempfile.mkdtemp(prefix="tranche-bench-", dir="/tmp")).resolve()
    runtime = LocalRuntime(folder, parts=("postgres",))
    try:
        url = runtime.up()["TRANCHE_DATABASE_URL"]
        rows = feature_rows(vectors)
        published(url, rows.slice(0, 2_000))  # warm: imports and caches
        with psycopg.connect(url) as connection:
            connection.execute("TRUNCATE features.vectors, features.publications")
            connection.execute("UPDATE features.feature_sets SET active_version = NULL")
        first = published(url, rows)
        again = published(url, rows)
        delta = published(url, feature_rows(vectors, changed=vectors // 100))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE features.vectors")
            began = time.perf_counter()
            PostgresVectors(connection).roll_back(DIGEST)
            rolled_back = (time.perf_counter() - began) * 1000
        taken, empty = read_latencies(url, vectors, reads)
    finally:
        runtime.reset()
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "publish": {
            "vectors": vectors,
            "features": FEATURES,
            "per_s": round(vectors / first),
            "unchanged_per_s": round(vectors / again),
            "one_percent_changed_per_s": round(vectors / delta),
            "roll_back_ms": round(rolled_back, 2),
        },
        "vector_read": {
            "reads": reads,
            "p50_ms": round(median(taken), 3),
            "p99_ms": round(quantiles(taken, n=100)[98], 3),
            "round_trip_p50_ms": round(median(empty), 3),
            "round_trip_p99_ms": round(quantiles(empty, n=100)[98], 3),
        },
    }


def main() -> None:
    """Print the figures."""
    print(json.dumps(measure(), indent=2))
