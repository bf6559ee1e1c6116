"""A value older than its feature's limit is unknown and said to be stale."""

from datetime import UTC, datetime, timedelta

import pytest

from features.feature import Feature
from features.freshness import Limit, fresh_at, limits_of
from features.vector import FeatureVector

DAY = timedelta(days=1)
NOON = datetime(1996, 3, 1, 12, tzinfo=UTC)
VECTOR = FeatureVector(
    "808",
    "d1",
    NOON,
    NOON - DAY,
    {"balance": 1.0, "late": None, "tenure": 3.0},
    {},
    {"bank": NOON - DAY, "plans": NOON - 20 * DAY, "orders": None},
)


@pytest.mark.parametrize(
    ("at", "stale"),
    [
        (NOON, ()),
        (NOON + 9 * DAY, ()),
        (NOON + 9 * DAY + timedelta(microseconds=1), ("balance",)),
        (NOON + 400 * DAY, ("balance",)),
    ],
    ids=["at its moment", "exactly the limit", "just past it", "long past it"],
)
def test_a_value_counts_up_to_exactly_its_limit(at: datetime, stale: tuple[str, ...]) -> None:
    fresh = fresh_at(VECTOR, at, {"balance": Limit(10 * DAY)})

    assert fresh.stale == stale
    assert fresh.values == {"balance": None if stale else 1.0, "late": None, "tenure": 3.0}


@pytest.mark.parametrize(
    ("sources", "is_stale"),
    [
        (("bank",), False),
        (("plans",), True),
        (("bank", "plans"), True),
        (("orders",), False),
        (("elsewhere",), False),
    ],
    ids=["fresh source", "old source", "one old source of two", "never seen", "not kept apart: the newest of all"],
)
def test_the_age_is_that_of_the_features_own_sources(sources: tuple[str, ...], is_stale: bool) -> None:
    fresh = fresh_at(VECTOR, NOON, {"tenure": Limit(10 * DAY, sources)})

    assert fresh.stale == (("tenure",) if is_stale else ())


def test_what_was_never_seen_is_unknown_and_not_stale() -> None:
    nobody = FeatureVector("808", "d1", NOON, None, {"balance": None, "events": 0.0}, {})

    fresh = fresh_at(nobody, NOON + 999 * DAY, {"balance": Limit(DAY), "events": Limit(DAY)})

    assert (fresh.stale, fresh.values) == ((), {"balance": None, "events": 0.0})


def test_limits_are_those_that_the_catalogue_declares() -> None:
    balance, tenure, net = (
        Feature(name, "history", "", "days", name, stale_after=days)
        for name, days in (("balance", 60), ("tenure", None), ("net", 0))
    )

    assert limits_of([balance, tenure, net], {"balance": ("bank",), "net": ()}) == {
        "balance": Limit(60 * DAY, ("bank",)),
        "net": Limit(timedelta(0)),
    }
    assert limits_of([], {}) == {}
