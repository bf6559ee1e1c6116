"""The point-in-time join, written once: one row of features from what was known of an entity at a moment.

An event counts when it had occurred before the moment and had been recorded by then. The moment itself is excluded: in
a source that has only days, the day of an application must not count. Rows that become known later therefore never
change the features of an earlier moment. Each source is read once and grouped once, for all windows of its features.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache

import sqlglot
from sqlglot import expressions

from features.catalog import FeatureSet
from features.feature import Feature
from features.measure import Measure
from features.source import FeatureSource

DAY_MICROS = 86_400_000_000

PartsOf = Callable[[Measure, tuple[str, ...]], tuple[str, ...]]


def point_in_time_sql(of: FeatureSet, moments: str, events: Mapping[str, str], by_days: Collection[str] = ()) -> str:
    """Spark SQL: the lake features of each row of `moments` (the set's keys and `as_of`).

    `events` maps the name of each source to its relation; for sources in `by_days` it is the relation that `days_sql`
    makes, and the moments must be midnights in UTC.

    Returns as many rows as `moments` has, repeated ones included: the keys, as_of, observed_until and known_until of
    the set's first source (null without an event), `stale` (the features that are null because of their age, separated
    by commas), SOURCE_until of each source that its measures read, then one column for each lake feature.
    """
    ctes = []
    for source in of.sources:
        if source.name in by_days:
            ctes.append(f"{source.name}_parts AS ({_known_days(source, moments, events[source.name])})")
        else:
            ctes.append(f"{source.name}_known AS ({_known_events(source, moments, events[source.name])})")
            ctes.append(f"{source.name}_parts AS ({_bands(source)})")
        ctes.append(f"{source.name}_measured AS ({_measured(source, by_days=source.name in by_days)})")
    ctes.append(f"measured AS ({_all_measures(of, moments)})")
    return f"WITH {_lines(ctes)}\n{_features(of)}"


def days_sql(source: FeatureSource, events: str) -> str:
    """Spark SQL: the parts stored for each day of each entity; they add up to any window ending at midnight.

    One row for each key, `event_day` (UTC) and `known_on`, the first midnight by which its events were recorded.
    """
    parts = _lines(f"{sql} AS {name}" for name, sql in _parts(source, Measure.parts).items())
    return f"""
SELECT {source.key}, CAST(occurred_at AS DATE) AS event_day, {_FIRST_MIDNIGHT} AS known_on,
       COUNT(*) AS events, MAX(occurred_at) AS occurred_until, MAX(recorded_at) AS recorded_until,
       {parts}
  FROM {events}
 GROUP BY {source.key}, CAST(occurred_at AS DATE), {_FIRST_MIDNIGHT}
"""  # noqa: S608 - the relation is named by our own jobs, never by input


_FIRST_MIDNIGHT = (
    "CASE WHEN CAST(CAST(recorded_at AS DATE) AS TIMESTAMP) = recorded_at "
    "THEN CAST(recorded_at AS DATE) ELSE CAST(DATE_ADD(CAST(recorded_at AS DATE), 1) AS DATE) END"
)


def _known_events(source: FeatureSource, moments: str, events: str) -> str:
    columns = ", ".join(f"event.{name}" for name in source.read_columns if name != source.key)
    age = "UNIX_MICROS(asked.as_of) - UNIX_MICROS(event.occurred_at)"
    horizon = "" if source.horizon is None else f"\n   AND {age} <= {source.horizon * DAY_MICROS}"
    return f"""
SELECT {_together(source)} asked.{source.key}, asked.as_of, {columns},
       DATEDIFF(asked.as_of, event.occurred_at) AS day_gap,
       {_band(source, age)} AS band
  FROM (SELECT DISTINCT {source.key}, as_of FROM {moments}) AS asked
  JOIN {events} AS event
    ON event.{source.key} = asked.{source.key}
   AND event.occurred_at < asked.as_of
   AND event.recorded_at <= asked.as_of{horizon}
"""  # noqa: S608


def _together(source: FeatureSource) -> str:
    """A hint that sends all events of an entity to one task, so that one sort serves all groups that follow."""
    return f"/*+ REPARTITION({source.key}) */"


def _band(source: FeatureSource, age: str) -> str:
    """The band of an event: the smallest window bound not below its age; the greatest bound plus one beyond all."""
    bounds = source.bounds
    if not bounds:
        return "0"
    cases = " ".join(f"WHEN {age} <= {bound * DAY_MICROS} THEN {bound}" for bound in bounds)
    return f"CASE {cases} ELSE {bounds[-1] + 1} END"


def _bands(source: FeatureSource) -> str:
    """The parts of each band of ages: a window consists of several bands, and each event is read in exactly one."""
    parts = _lines(f"{sql} AS {name}" for name, sql in _parts(source, Measure.parts_of_band).items())
    return f"""
SELECT {source.key}, as_of, band, MAX(occurred_at) AS occurred_at, MAX(recorded_at) AS recorded_at,
       {parts}
  FROM {source.name}_known
 GROUP BY {source.key}, as_of, band
"""  # noqa: S608


def _known_days(source: FeatureSource, moments: str, days: str) -> str:
    parts = ", ".join(f"day.{name}" for name in _parts(source, Measure.parts))
    horizon = "" if source.horizon is None else f"\n   AND DATEDIFF(asked.as_of, day.event_day) <= {source.horizon}"
    return f"""
SELECT {_together(source)} asked.{source.key}, asked.as_of,
       day.occurred_until AS occurred_at, day.recorded_until AS recorded_at, {parts},
       DATEDIFF(asked.as_of, day.event_day) AS day_gap
  FROM (SELECT DISTINCT {source.key}, as_of FROM {moments}) AS asked
  JOIN {days} AS day
    ON day.{source.key} = asked.{source.key}
   AND day.event_day < CAST(asked.as_of AS DATE)
   AND day.known_on <= CAST(asked.as_of AS DATE){horizon}
"""  # noqa: S608


def _measured(source: FeatureSource, *, by_days: bool) -> str:
    kept = _columns_of_parts(source, Measure.parts if by_days else Measure.parts_of_band)
    measures = _lines(
        f"{measure.over_days(kept[name]) if by_days else measure.over_bands(kept[name])} AS {name}"
        for name, measure in source.computed.items()
    )
    return f"""
SELECT {source.key}, as_of, MAX(occurred_at) AS observed_until, MAX(recorded_at) AS known_until,
       {measures}
  FROM {source.name}_parts
 GROUP BY {source.key}, as_of
"""  # noqa: S608


def _all_measures(of: FeatureSet, moments: str) -> str:
    """One row per moment with every measure: without events, counts and measures of complete tables are 0."""
    first = of.sources[0].name
    columns = [f"asking.{key}" for key in of.keys]
    columns += ["asking.as_of", f"{first}.observed_until AS observed_until", f"{first}.known_until AS known_until"]
    for source in of.sources:
        columns.append(f"{source.name}.observed_until AS {source.name}_until")
        for name, measure in source.computed.items():
            zero = measure.counted or (source.complete and measure.aggregate == "sum")
            column = f"{source.name}.{name}"
            columns.append(f"COALESCE({column}, 0) AS {name}" if zero else f"{column} AS {name}")
    joins = "\n".join(
        f"  LEFT JOIN {each.name}_measured AS {each.name}"
        f" ON {each.name}.{each.key} = asking.{each.key} AND {each.name}.as_of = asking.as_of"
        for each in of.sources
    )
    return f"SELECT {_lines(columns)}\n  FROM {moments} AS asking\n{joins}"  # noqa: S608


def _features(of: FeatureSet) -> str:
    columns = [*of.keys, "as_of", "observed_until", "known_until"]
    withheld, values = [], []
    for each in of.lake:
        old, mixed = _too_old(of, each), _of_several_currencies(of, each)
        if old:
            withheld.append(f"CASE WHEN {old} THEN '{each.name}' END")
        known = " AND ".join(f"NOT COALESCE({unknown}, FALSE)" for unknown in (old, mixed) if unknown)
        value = f"CASE WHEN {known} THEN {each.sql} END" if known else each.sql
        values.append(f"CAST({value} AS {'BIGINT' if is_whole(of, each.sql) else 'DOUBLE'}) AS {each.name}")
    columns.append(f"CONCAT_WS(',', {', '.join(withheld)}) AS stale" if withheld else "'' AS stale")
    columns += [f"{source.name}_until" for source in of.sources]
    return f"SELECT {_lines(columns + values)}\n  FROM measured"  # noqa: S608


def _lines(parts: Iterable[str]) -> str:
    return ",\n       ".join(parts)


def _too_old(of: FeatureSet, feature: Feature) -> str:
    """Whether the newest event of a source that the feature depends on is older than the feature's limit."""
    if feature.stale_after is None:
        return ""
    limit = feature.stale_after * DAY_MICROS
    return " OR ".join(f"UNIX_MICROS(as_of) - UNIX_MICROS({name}_until) > {limit}" for name in of.aged_by(feature))


def _of_several_currencies(of: FeatureSet, feature: Feature) -> str:
    """Whether the amounts that a feature is made of are in several currencies, so that no arithmetic is over them."""
    ranges = [
        source.currency_range(source.measures[name])
        for source in of.sources
        if source.currency
        for name in sorted(measures_read(feature.sql) & source.measures.keys())
        if source.measures[name].of_money
    ]
    apart = [f"{least} <> {greatest}" for least, greatest in dict.fromkeys(ranges)]
    apart += [f"{ranges[0][0]} <> {least}" for least, _ in dict.fromkeys(ranges[1:]) if least != ranges[0][0]]
    return " OR ".join(apart)


def is_whole(of: FeatureSet, sql: str) -> bool:
    """Whether a feature's values are whole numbers: only a division, a deviation and time between instants are not."""
    fractions = ("days_since_first", "days_since_last", "deviation")
    return "/" not in sql and all(of.measures[name].aggregate not in fractions for name in measures_read(sql))


@cache
def measures_read(sql: str) -> frozenset[str]:
    """The columns that a feature's arithmetic reads."""
    return frozenset(column.name for column in sqlglot.parse_one(sql, read="spark").find_all(expressions.Column))


def _columns_of_parts(source: FeatureSource, parts: PartsOf) -> dict[str, tuple[str, ...]]:
    """The columns of each measure's parts; measures that differ only in their window share them."""
    column_of: dict[str, str] = {}
    columns: dict[str, tuple[str, ...]] = {}
    for name, measure in source.computed.items():
        for place, sql in enumerate(parts(measure, source.order)):
            column_of.setdefault(sql, f"{name}_part{place}")
        columns[name] = tuple(column_of[sql] for sql in parts(measure, source.order))
    return columns


def _parts(source: FeatureSource, parts: PartsOf) -> dict[str, str]:
    sql_of: dict[str, str] = {}
    for name, columns in _columns_of_parts(source, parts).items():
        for column, sql in zip(columns, parts(source.computed[name], source.order), strict=True):
            sql_of.setdefault(column, sql)
    return sql_of
