"""Every speed budget of the lake and the features in one run; written to `var/bench/lake.json`.

Run from the checkout: `make bench PART=lake`; `FULL=1` adds one round of the features over 100 million events. Each
part works in a process and on a local runtime of its own, and what is compared takes turns within a round, so that
what the machine does beside it falls on both alike.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from benchmarks import budgets, lake_features, lake_follow, lake_ingest, lake_vectors

# Events, and how often each way is taken over them.
SIZES = {1_000_000: 3, 10_000_000: 1}
FULL = {100_000_000: 1}

FLOORS: Mapping[str, float] = {
    "ingest.per_s": 20_000,
    "publish.per_s": 30_000,
}
CEILINGS: Mapping[str, float] = {
    "follow.freshness_p95_s": 60,
    "validation.ratio": 1.3,
    "features.10000000.spark_to_duckdb": 4,
    "features.10000000.engine_to_duckdb": 1.2,
    "vector_read.p99_ms": 2,
}


def main() -> None:
    """Measure, write the file and print each figure beside its budget."""
    ingest = _alone(lake_ingest.measure, 1.0)
    sizes = SIZES | FULL if os.environ.get("FULL") else SIZES
    features = {str(events): _alone(lake_features.measure, events, rounds) for events, rounds in sizes.items()}
    by_density = _alone(lake_features.increment_by_density)
    figures: dict[str, Any] = {
        "validation": ingest.pop("validation"),
        "ingest": ingest,
        "follow": _alone(lake_follow.measure),
        "features": {
            **features,
            "increment_ratio": features[str(max(SIZES))]["increment_ratio"],
            "increment_by_density": by_density,
        },
        **_alone(lake_vectors.measure),
    }
    file = budgets.keep(figures, "lake")
    budgets.print_beside(figures, floors=FLOORS, ceilings=CEILINGS)
    print(f"figures  {file}")


def _alone(measure: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """What it measures in a process of its own: a Spark session is of one runtime for as long as its process lives."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


if __name__ == "__main__":
    main()
