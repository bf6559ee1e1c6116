"""The point-in-time join against a row-by-row oracle, on DuckDB: the text is Spark's, so no JVM is needed here."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from features.catalog import LAKE_FEATURES, MERCHANT
from tests.features import engine, oracle_own
from tests.features.engine import in_order, merged
from tests.features.histories import DAY, START, moments_of, sold_by, told_of
from tests.features.oracle import differences


def computed(moments: list[tuple[str, datetime]], events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The point-in-time join over bank transactions alone."""
    return engine.computed(moments, {"bank_transactions": events})


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
    told = {f"account-{n}": told_of(random, f"account-{n}") for n in range(250)}
    moments = sorted({(name, at) for name, of in told.items() for at in moments_of(random, of["bank_transactions"])})

    rows = engine.computed(moments, merged(told.values()))

    assert len(rows) == len(moments)
    for row in rows:
        expected, stale = oracle_own.applicant(told[row["account_id"]], row["as_of"])
        assert differences(row, expected) == {}, (row["account_id"], row["as_of"])
        assert set(row["stale"].split(",")) - {""} == stale
        assert set(expected) == {feature.name for feature in LAKE_FEATURES}
    assert any(row["stale"] for row in rows)


def test_every_feature_of_a_merchant_equals_the_oracle_on_random_histories() -> None:
    random = Random(3)
    told = {f"shop-{n}": sold_by(random, f"shop-{n}") for n in range(120)}
    moments = sorted({(name, at) for name, of in told.items() for at in moments_of(random, of["sales"])})

    rows = engine.computed(moments, merged(told.values()), MERCHANT)

    assert len(rows) == len(moments)
    for row in rows:
        expected = oracle_own.merchant(told[row["merchant_id"]], row["as_of"])
        assert differences(row, expected) == {}, (row["merchant_id"], row["as_of"])
        assert set(expected) == {feature.name for feature in MERCHANT.lake}


def test_whole_days_add_up_to_what_the_events_say() -> None:
    random = Random(23)
    told = {f"account-{n}": told_of(random, f"account-{n}") for n in range(200)}
    midnights = [(name, START + random.randrange(-5, 500) * DAY) for name in told for _ in range(4)]

    by_events = engine.computed(midnights, merged(told.values()))
    by_days = engine.computed_by_days(midnights, merged(told.values()))

    assert in_order(by_days) == in_order(by_events)


def test_rows_known_later_never_change_what_an_earlier_moment_saw() -> None:
    random = Random(7)
    told = merged(told_of(random, f"account-{n}") for n in range(60))
    moment = START + 200 * DAY
    moments = [(f"account-{n}", moment) for n in range(60)]
    later = {
        source: [
            row
            | {"event_id": f"later:{n}", "recorded_at": moment + timedelta(microseconds=1 + n), "amount_minor": 10**9}
            for n, row in enumerate(rows)
        ]
        for source, rows in told.items()
    }

    assert in_order(engine.computed(moments, merged([told, later]))) == in_order(engine.computed(moments, told))


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
