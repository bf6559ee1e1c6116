"""The point-in-time join, written once: what was known of an account at a moment, as one row of features.

A bank transaction counts when it had occurred before the moment (the moment itself is outside: a source that knows only
days must not let the day of an application in) and had been recorded by then. Rows that become known later therefore
never change what an earlier moment saw.
"""

from features.catalog import LAKE_FEATURES, LAKE_MEASURES

EVENT_COLUMNS = (
    "event_id",
    "occurred_at",
    "recorded_at",
    "sequence",
    "direction",
    "amount_minor",
    "balance_after_minor",
    "operation",
    "purpose",
)


def point_in_time_sql(moments: str, events: str) -> str:
    """Spark SQL: the lake features of each row of `moments` (account_id, as_of) over the bank transactions `events`.

    Returns as many rows as `moments` has, repeated ones included: account_id, as_of, observed_until, known_until (both
    null without a transaction), then one column for each lake feature. One scan of the events, one grouping. sqlglot
    turns the same text into other dialects.
    """
    columns = ", ".join(f"event.{name}" for name in EVENT_COLUMNS)
    measures = ",\n       ".join(f"{sql} AS {name}" for name, sql in LAKE_MEASURES.items())
    features = ",\n       ".join(f"measured.{feature.name}" for feature in LAKE_FEATURES)
    computed = ",\n       ".join(f"{feature.sql} AS {feature.name}" for feature in LAKE_FEATURES)
    return f"""
WITH asked AS (
    SELECT DISTINCT account_id, as_of FROM {moments}
), known AS (
    SELECT asked.account_id, asked.as_of, {columns},
           CAST(UNIX_MICROS(asked.as_of) - UNIX_MICROS(event.occurred_at) AS DOUBLE) / 8.64E10 AS days_before
      FROM asked
      LEFT JOIN {events} AS event
        ON event.account_id = asked.account_id
       AND event.occurred_at < asked.as_of
       AND event.recorded_at <= asked.as_of
), aggregated AS (
    SELECT account_id, as_of, MAX(occurred_at) AS observed_until, MAX(recorded_at) AS known_until,
       {measures}
      FROM known
     GROUP BY account_id, as_of
), measured AS (
    SELECT account_id, as_of, observed_until, known_until,
       {computed}
      FROM aggregated
)
SELECT asking.account_id, asking.as_of, measured.observed_until, measured.known_until,
       {features}
  FROM {moments} AS asking
  JOIN measured ON measured.account_id = asking.account_id AND measured.as_of = asking.as_of
"""  # noqa: S608 - the two relations are named by our own jobs, never by input
