"""Spark and DuckDB on one definition: equal cell by cell on random histories and at the edges of their types."""

from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from features.catalog import APPLICANT, MERCHANT, FeatureSet
from tests.features.engine import Row, computed, computed_by_days, merged, unequal
from tests.features.histories import DAY, START, moments_of, sold_by, told_of
from tests.features.spark_engine import computed_by_spark

NOW = START + 200 * DAY
HIGHEST = 10**15  # what the contract allows


def booked(name: str, number: int, **changes: Any) -> Row:
    """One booking of an account, ten days before the moment."""
    return {
        "event_id": f"{name}:{number}",
        "account_id": name,
        "occurred_at": NOW - 10 * DAY,
        "recorded_at": NOW - 9 * DAY,
        "sequence": 1,
        "direction": "debit",
        "amount_minor": 1,
        "balance_after_minor": 0,
        "operation": "card",
        "purpose": "other",
    } | changes


EDGES: dict[str, list[Row]] = {
    "the highest amounts": [
        booked("highest", n, amount_minor=HIGHEST, balance_after_minor=(-1) ** n * HIGHEST) for n in range(900)
    ],
    "one tie after another": [
        booked("ties", n, balance_after_minor=n, event_id=f"ties:{n % 7}:{n}") for n in range(30)
    ],
    "balances that nobody stated": [booked("unstated", n, balance_after_minor=None) for n in range(3)],
    "nothing but zero": [booked("zero", n, amount_minor=0, direction=("debit", "credit")[n]) for n in range(2)],
    "at the edges of windows": [
        booked("edges", n * 3 + step, occurred_at=NOW - days * DAY + timedelta(microseconds=step - 1), sequence=n)
        for n, days in enumerate((1, 30, 60, 90, 120, 150, 180))
        for step in range(3)
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize(("of", "of_one"), [(APPLICANT, told_of), (MERCHANT, sold_by)], ids=["applicant", "merchant"])
def test_both_engines_give_the_same_cells(of: FeatureSet, of_one: Any, spark: Any, tmp_path: Path) -> None:
    random = Random(20260701)
    told = {f"name-{n}": of_one(random, f"name-{n}") for n in range(150)}
    first = of.sources[0].name
    asked = sorted({(name, at) for name, sources in told.items() for at in moments_of(random, sources[first])})
    everything = merged(told.values())
    if of is APPLICANT:
        everything[first] += [row for rows in EDGES.values() for row in rows]
        asked += [(rows[0]["account_id"], NOW) for rows in EDGES.values()]

    by_spark = {_key(of, row): row for row in computed_by_spark(spark, tmp_path, asked, everything, of)}

    by_duckdb = computed(asked, everything, of)
    assert len(by_duckdb) == len(by_spark)
    for row in by_duckdb:
        assert unequal(row, by_spark[_key(of, row)]) == {}, _key(of, row)


@pytest.mark.slow
def test_both_engines_refuse_a_sum_that_64_bits_cannot_hold(spark: Any, tmp_path: Path) -> None:
    told = {"bank_transactions": [booked("beyond", n, amount_minor=2**62) for n in range(3)]}

    with pytest.raises(duckdb.Error, match=r"out of range|[Oo]verflow"):
        computed([("beyond", NOW)], told)
    with pytest.raises(Exception, match=r"ARITHMETIC_OVERFLOW|overflow"):
        computed_by_spark(spark, tmp_path, [("beyond", NOW)], told)


@pytest.mark.parametrize("edge", EDGES)
def test_days_add_up_at_the_edges(edge: str) -> None:
    told = {"bank_transactions": EDGES[edge]}
    asked = [(EDGES[edge][0]["account_id"], NOW)]

    assert computed_by_days(asked, told) == computed(asked, told)


def _key(of: FeatureSet, row: Row) -> Any:
    return row[of.keys[0]], row["as_of"]
