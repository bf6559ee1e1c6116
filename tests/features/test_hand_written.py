"""What the benchmark of features compares is the same work: hand-written DuckDB, our engine and the sum of days."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import lake_features
from features.as_of import point_in_time_sql
from features.duckdb import translated


def test_the_hand_written_query_the_engine_and_the_increment_give_the_same_thirty(tmp_path: Path) -> None:
    paths = lake_features.generated(tmp_path, 20_000)
    ours = translated(point_in_time_sql(lake_features.SET, "moments", {"bank": "events"}))

    by_engine = _by_account(lake_features.by_duckdb(ours, paths)())
    by_hand = _by_account(lake_features.by_duckdb(lake_features.HAND_WRITTEN, paths)())
    by_days = _by_account(lake_features.increment(paths)())

    assert len(lake_features.SET.lake) == 30
    assert len(by_engine) == len(by_hand) == 200
    assert by_days == by_engine
    for account, row in by_engine.items():
        hand = by_hand[account]
        # By hand the sum of nothing is null.
        assert [row[each.name] or 0 for each in lake_features.SET.lake] == pytest.approx(
            [hand[each.sql] or 0 for each in lake_features.SET.lake]
        )


def _by_account(table: Any) -> dict[str, dict[str, Any]]:
    return {row["account_id"]: row for row in table.to_pylist()}
