"""The DuckDB engine over rows, as tests state them: what a source's table lacks is filled in as null."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import isclose
from typing import Any

import pyarrow as pa

from features.catalog import APPLICANT, FeatureSet
from features.duckdb import compute, compute_days, events_schema, moments_schema
from tests.features.histories import once

Row = dict[str, Any]


def tables(of: FeatureSet, told: Mapping[str, Iterable[Row]]) -> dict[str, Any]:
    """The curated tables of these rows: each event once, in its source's columns."""
    return {
        source.name: pa.Table.from_pylist(once(list(told[source.name])), schema=events_schema(source))
        for source in of.sources
        if source.name in told
    }


def moments(of: FeatureSet, asked: Iterable[tuple[str, datetime]]) -> Any:
    """Moments of entities that have one name under all their keys."""
    rows = [{**dict.fromkeys(of.keys, name), "as_of": as_of} for name, as_of in asked]
    return pa.Table.from_pylist(rows, schema=moments_schema(of))


def computed(
    asked: Iterable[tuple[str, datetime]], told: Mapping[str, Iterable[Row]], of: FeatureSet = APPLICANT
) -> list[Row]:
    """The point-in-time join over the events."""
    rows: list[Row] = compute(of, moments(of, asked), tables(of, told)).to_pylist()
    return rows


def computed_by_days(
    asked: Iterable[tuple[str, datetime]], told: Mapping[str, Iterable[Row]], of: FeatureSet = APPLICANT
) -> list[Row]:
    """The same over what is kept of each day, of every source that keeps days."""
    kept = tables(of, told)
    by_days = {source.name for source in of.sources if source.by_days and source.name in told}
    days = {source.name: compute_days(source, kept[source.name]) for source in of.sources if source.name in by_days}
    rows: list[Row] = compute(of, moments(of, asked), kept | days, by_days).to_pylist()
    return rows


def unequal(row: Row, other: Row) -> dict[str, tuple[Any, Any]]:
    """The cells in which two engines differ: fractions are equal to 1e-12, all else is the same value and type."""
    assert set(row) == set(other)
    return {name: (row[name], other[name]) for name in row if not _same(row[name], other[name])}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=1e-12)
    return type(one) is type(other) and bool(one == other)


def in_order(rows: Iterable[Row]) -> list[Row]:
    """An engine gives its rows in no order."""
    return sorted(rows, key=lambda row: (row.get("account_id") or row["merchant_id"], row["as_of"]))


def merged(told: Iterable[Mapping[str, Iterable[Row]]]) -> dict[str, list[Row]]:
    """The events of several entities, together."""
    together: dict[str, list[Row]] = {}
    for each in told:
        for source, rows in each.items():
            together.setdefault(source, []).extend(rows)
    return together
