"""Every speed budget of the lake and the features in one run; written to `var/bench/lake.json`.

Run from the checkout: `make bench PART=lake`; `FULL=1` adds one round of the features over 100 million events. Each
part works on a local runtime of its own, and what is compared takes turns within a round, so that what the machine
does beside it falls on both alike.
"""

import os
from collections.abc import Mapping
from typing import Any

from benchmarks import budgets, lake_features, lake_ingest, lake_vectors

EVENTS = (1_000_000, 10_000_000)
FULL = 100_000_000

FLOORS: Mapping[str, float] = {
    "ingest.per_s": 20_000,
    "publish.per_s": 30_000,
}
CEILINGS: Mapping[str, float] = {
    "validation.ratio": 1.3,
    "features.10000000.spark_to_duckdb": 4,
    "features.10000000.engine_to_duckdb": 1.2,
    "vector_read.p99_ms": 2,
}


def main() -> None:
    """Measure, write the file and print each figure beside its budget."""
    figures: dict[str, Any] = lake_ingest.measure()
    sizes = (*EVENTS, FULL) if os.environ.get("FULL") else EVENTS
    figures["features"] = {str(events): lake_features.measure(events) for events in sizes}
    figures["features"]["increment_ratio"] = lake_features.increment_ratio()
    figures |= lake_vectors.measure()
    file = budgets.keep(figures, "lake")
    budgets.print_beside(figures, floors=FLOORS, ceilings=CEILINGS)
    print(f"figures  {file}")


if __name__ == "__main__":
    main()
