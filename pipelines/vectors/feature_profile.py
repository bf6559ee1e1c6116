"""Statistics of a feature set's vectors by feature: how often known, quantiles, and distribution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from features.catalog import feature
from pipelines.lake.table import Tables
from pipelines.vectors.published_vectors import PublishedVectors

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

BARS = 24


@dataclass(frozen=True, slots=True)
class Spread:
    """The distribution of a feature's known values: quantiles, and a histogram of equal steps from `low` to `high`.

    If the outermost hundredth on a side is far away, the steps leave it out and its values count in the outermost step.
    """

    least: float
    median: float
    p95: float
    greatest: float
    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FeatureProfile:
    """One feature over all vectors: the shares in which it is known and in which it is zero, and its distribution.

    `by_month` is the known share of the vectors of each month, in the order of `ProfiledTable.months`.
    """

    name: str
    group: str
    meaning: str
    unit: str
    known: float
    zeros: float
    spread: Spread | None
    by_month: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ProfiledTable:
    """The feature table of one entity; `seen` is, for each source, the share of vectors based on any of its events."""

    entity: str
    table: str
    snapshot_id: int
    digest: str
    vectors: int
    entities: int
    months: tuple[str, ...]
    vectors_by_month: tuple[int, ...]
    seen: Mapping[str, float]
    features: tuple[FeatureProfile, ...]


def table_of(tables: Tables, served: PublishedVectors) -> ProfiledTable | None:
    """The statistics of one feature table; None if nothing was built yet."""
    import numpy as np

    snapshot = tables.newest(served.table)
    if snapshot is None:
        return None
    equal = {"feature_set_digest": served.digest}
    rows = tables.read(served.table, served.columns, snapshot_id=snapshot.snapshot_id, equal=equal)
    months, of_month = np.unique(_months(rows["as_of"]), return_inverse=True)
    by_month = np.bincount(of_month, minlength=len(months))
    return ProfiledTable(
        entity=served.entity,
        table=served.table,
        snapshot_id=snapshot.snapshot_id,
        digest=served.digest,
        vectors=rows.num_rows,
        entities=len(set(rows[served.key].to_pylist())),
        months=tuple(str(month) for month in months),
        vectors_by_month=tuple(by_month.tolist()),
        seen=_seen(rows, served),
        features=tuple(_profile(name, rows[name], of_month, by_month) for name in served.names),
    )


def _months(column: pa.ChunkedArray) -> npt.NDArray[np.datetime64]:
    moments: npt.NDArray[np.datetime64] = column.cast("timestamp[us]").to_numpy()
    return moments.astype("datetime64[M]")


def _seen(rows: pa.Table, served: PublishedVectors) -> dict[str, float]:
    columns = {source: column for column, source in served.observed.items()} or {"any source": "observed_until"}
    return {
        source: 1 - rows[column].null_count / rows.num_rows if rows.num_rows else 0.0
        for source, column in columns.items()
    }


def _profile(
    name: str, column: pa.ChunkedArray, of_month: npt.NDArray[np.intp], by_month: npt.NDArray[np.intp]
) -> FeatureProfile:
    import numpy as np

    values = column.cast("float64").to_numpy(zero_copy_only=False)
    is_known = ~np.isnan(values)
    known = values[is_known]
    of_each_month = np.bincount(of_month[is_known], minlength=len(by_month)) / np.maximum(by_month, 1)
    declared = feature(name)
    total = max(len(values), 1)
    return FeatureProfile(
        name=name,
        group=declared.group,
        meaning=declared.meaning,
        unit=declared.unit,
        known=len(known) / total,
        zeros=int((known == 0).sum()) / total,
        spread=_spread(known) if len(known) else None,
        by_month=tuple(of_each_month.tolist()),
    )


def _spread(known: npt.NDArray[np.float64]) -> Spread:
    """The distribution of values; a few extreme ones are left out of the range of the histogram."""
    import numpy as np

    least, p01, median, p95, p99, greatest = np.quantile(known, [0, 0.01, 0.5, 0.95, 0.99, 1]).tolist()
    reach = p99 - p01 or greatest - least  # almost all values are equal: no value counts as extreme
    low = least if least >= p01 - reach else p01
    high = greatest if greatest <= p99 + reach else p99
    if low == high:
        return Spread(least, median, p95, greatest, low, high, (len(known),))
    counts, _ = np.histogram(np.clip(known, low, high), bins=BARS, range=(low, high))
    return Spread(least, median, p95, greatest, low, high, tuple(counts.tolist()))
