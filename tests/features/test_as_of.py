"""The point-in-time join against a row-by-row oracle, on DuckDB: the text is Spark's, so no JVM is needed here."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot

from features.as_of import EVENT_COLUMNS, point_in_time_sql
from features.catalog import LAKE_FEATURES
from tests.features.histories import DAY, START, a_history, moments_of, once
from tests.features.oracle import differences, features_of

INSTANT = pa.timestamp("us", tz="UTC")
TYPES = {"occurred_at": INSTANT, "recorded_at": INSTANT, "sequence": pa.int64()}
TYPES |= {"amount_minor": pa.int64(), "balance_after_minor": pa.int64()}
EVENTS = pa.schema([(name, TYPES.get(name, pa.string())) for name in ("account_id", *EVENT_COLUMNS)])
MOMENTS = pa.schema([("account_id", pa.string()), ("as_of", INSTANT)])

Moment = tuple[str, datetime]


def computed(moments: Iterable[Moment], events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The point-in-time join over curated events, by DuckDB."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        asked = [{"account_id": account_id, "as_of": as_of} for account_id, as_of in moments]
        connection.register("moments", pa.Table.from_pylist(asked, schema=MOMENTS))
        connection.register("events", pa.Table.from_pylist(events, schema=EVENTS))
        (query,) = sqlglot.transpile(point_in_time_sql("moments", "events"), read="spark", write="duckdb")
        return connection.sql(query).to_arrow_table().to_pylist()


def an_event(occurred_at: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"{occurred_at}:{changes}",
        "account_id": "a",
        "occurred_at": occurred_at,
        "recorded_at": occurred_at + DAY,
        "sequence": 1,
        "direction": "credit",
        "amount_minor": 100_00,
        "balance_after_minor": 100_00,
        "operation": "cash_in",
        "purpose": "other",
    } | changes


def test_every_feature_equals_the_oracle_on_random_histories() -> None:
    random = Random(19930705)
    histories = {f"account-{n}": a_history(random, f"account-{n}") for n in range(250)}
    moments = sorted({(account, at) for account, rows in histories.items() for at in moments_of(random, rows)})

    rows = computed(moments, [row for history in histories.values() for row in once(history)])

    assert len(rows) == len(moments)
    for row in rows:
        expected = features_of(histories[row["account_id"]], row["as_of"])
        assert differences(row, expected) == {}, (row["account_id"], row["as_of"])
        assert set(expected) == {feature.name for feature in LAKE_FEATURES}


def test_rows_known_later_never_change_what_an_earlier_moment_saw() -> None:
    random = Random(7)
    histories = {f"account-{n}": once(a_history(random, f"account-{n}")) for n in range(60)}
    moment = START + 200 * DAY
    moments = [(account, moment) for account in sorted(histories)]
    events = [row for history in histories.values() for row in history]
    later = [
        row | {"event_id": f"later:{n}", "recorded_at": moment + timedelta(microseconds=1 + n), "amount_minor": 10**9}
        for n, row in enumerate(events)
    ]

    assert _in_order(computed(moments, events + later)) == _in_order(computed(moments, events))


@pytest.mark.parametrize(
    ("occurred_at", "recorded_at", "seen"),
    [
        (START - timedelta(microseconds=1), START, 1),
        (START - DAY, START, 1),
        (START - DAY, START + timedelta(microseconds=1), 0),
        (START, START, 0),
        (START + timedelta(microseconds=1), START, 0),
    ],
    ids=["just before", "the day before", "recorded just after", "at the moment itself", "after"],
)
def test_an_event_counts_when_it_occurred_before_and_was_recorded_by_the_moment(
    occurred_at: datetime, recorded_at: datetime, seen: int
) -> None:
    (row,) = computed([("a", START)], [an_event(occurred_at, recorded_at=recorded_at)])

    assert row["events_ever"] == seen


def test_a_source_of_whole_days_leaves_the_applications_own_day_out() -> None:
    the_day = [an_event(START, amount_minor=1, event_id=str(n)) for n in range(3)]

    (row,) = computed([("a", START)], [*the_day, an_event(START - DAY)])

    assert (row["events_ever"], row["observed_until"], row["known_until"]) == (1, START - DAY, START)


def test_every_row_that_is_asked_for_comes_back_even_twice_and_without_events() -> None:
    moments = [("a", START), ("a", START), ("nobody", START), ("a", START - 400 * DAY)]

    rows = computed(moments, [an_event(START - DAY)])

    assert sorted((row["account_id"], row["as_of"]) for row in rows) == sorted(moments)
    nobody = next(row for row in rows if row["account_id"] == "nobody")
    assert (nobody["events_ever"], nobody["balance_last"], nobody["income_mean_180d"]) == (0, None, None)
    assert nobody["observed_until"] is None


@pytest.mark.parametrize("corrections", range(1, 6))
def test_of_bookings_at_one_instant_the_highest_sequence_then_the_latest_word_is_the_last_balance(
    corrections: int,
) -> None:
    instant = START - 20 * DAY
    told = [
        an_event(instant, sequence=5, recorded_at=instant + n * DAY, balance_after_minor=n, event_id=f"told-{n}")
        for n in range(1, corrections + 1)
    ]
    lower = an_event(instant, sequence=4, recorded_at=instant + 9 * DAY, balance_after_minor=-1, event_id="lower")

    (row,) = computed([("a", START)], [*told, lower])

    assert row["balance_last"] == corrections


def test_the_lowest_balance_of_a_window_includes_the_one_it_began_with() -> None:
    events = [
        an_event(START - 100 * DAY, balance_after_minor=-5_00),
        an_event(START - 10 * DAY, balance_after_minor=900_00),
    ]

    (row,) = computed([("a", START)], events)

    assert (row["balance_low_30d"], row["balance_low_90d"], row["balance_low_180d"]) == (-5_00, -5_00, -5_00)


def _in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["account_id"], row["as_of"]))
