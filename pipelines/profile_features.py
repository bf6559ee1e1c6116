"""Act: feature tables → a page that shows what each feature holds: how often it is known, where it lies, how it is spread.

The figures are of the vectors of the current feature set in the newest snapshot; the same snapshots give the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.catalog import feature
from pipelines.lake.table import MissingTable, Tables, written_by
from pipelines.served_set import ServedSet, served_sets

BARS = 24
PAGE = "feature-coverage.html"


@dataclass(frozen=True, slots=True)
class Spread:
    """The known values of a feature: some of their order, and how many lie in each of equal steps from `low` to `high`.

    The steps leave out the outermost hundredth on each side where that is far away; those count in the outermost steps.
    """

    least: float
    median: float
    p95: float
    greatest: float
    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """One feature over all vectors: shares of them where it is known and where it is zero, and its spread if known.

    `by_month` is the share known of the vectors of each month, in the order of `Table.months`.
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
class Table:
    """The feature table of one entity; `seen` is the share of its vectors with any event of each source behind them."""

    entity: str
    table: str
    snapshot_id: int
    digest: str
    vectors: int
    entities: int
    months: tuple[str, ...]
    vectors_by_month: tuple[int, ...]
    seen: Mapping[str, float]
    features: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at, and where the page is."""

    path: Path
    rows: Mapping[str, int]
    features: int


def profile_features(tables: Tables, out: Path, sets: Sequence[ServedSet] | None = None) -> Report:
    """Write the page into the folder, whole or not at all. Raises MissingTable before the first build."""
    from pipelines.feature_page import page

    profiled = [found for served in sets or served_sets().values() if (found := table_of(tables, served)) is not None]
    if not profiled:
        raise MissingTable("features.applicant", written_by("features.applicant"))
    out.mkdir(parents=True, exist_ok=True)
    path = out / PAGE
    written = path.with_suffix(".new")
    written.write_text(page(profiled), encoding="utf-8")
    written.replace(path)
    rows = {each.entity: each.vectors for each in profiled}
    return Report(path, rows, sum(len(each.features) for each in profiled))


def table_of(tables: Tables, served: ServedSet) -> Table | None:
    """The figures of one feature table; None when nothing was built yet."""
    import numpy as np

    snapshot = tables.newest(served.table)
    if snapshot is None:
        return None
    equal = {"feature_set_digest": served.digest}
    rows = tables.read(served.table, served.columns, snapshot_id=snapshot.snapshot_id, equal=equal)
    months, of_month = np.unique(_months(rows["as_of"]), return_inverse=True)
    by_month = np.bincount(of_month, minlength=len(months))
    return Table(
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


def _months(column: Any) -> Any:
    return column.cast("timestamp[us]").to_numpy().astype("datetime64[M]")


def _seen(rows: Any, served: ServedSet) -> dict[str, float]:
    columns = {source: column for column, source in served.observed.items()} or {"any source": "observed_until"}
    return {
        source: 1 - rows[column].null_count / rows.num_rows if rows.num_rows else 0.0
        for source, column in columns.items()
    }


def _profile(name: str, column: Any, of_month: Any, by_month: Any) -> Profile:
    import numpy as np

    values = column.cast("float64").to_numpy(zero_copy_only=False)
    is_known = ~np.isnan(values)
    known = values[is_known]
    of_each_month = np.bincount(of_month[is_known], minlength=len(by_month)) / np.maximum(by_month, 1)
    declared = feature(name)
    total = max(len(values), 1)
    return Profile(
        name=name,
        group=declared.group,
        meaning=declared.meaning,
        unit=declared.unit,
        known=len(known) / total,
        zeros=int((known == 0).sum()) / total,
        spread=_spread(known) if len(known) else None,
        by_month=tuple(of_each_month.tolist()),
    )


def _spread(known: Any) -> Spread:
    """Where the values lie; a few that are far out are left out of the picture's range, and say so by its ends."""
    import numpy as np

    least, p01, median, p95, p99, greatest = np.quantile(known, [0, 0.01, 0.5, 0.95, 0.99, 1]).tolist()
    reach = p99 - p01
    low = least if least >= p01 - reach else p01
    high = greatest if greatest <= p99 + reach else p99
    if low == high:
        return Spread(least, median, p95, greatest, low, high, (len(known),))
    counts, _ = np.histogram(np.clip(known, low, high), bins=BARS, range=(low, high))
    return Spread(least, median, p95, greatest, low, high, tuple(counts.tolist()))
