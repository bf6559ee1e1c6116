"""A feed is late when it has not come by when its history, or else its contract, says that it comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from pipelines.ingest.feeds import FEWEST_ARRIVALS, MOST_ARRIVALS, Agreed, expected_by, feeds, judged_feeds
from pipelines.lake.memory import MemoryTables

SIX = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAILY = [SIX + timedelta(days=day) for day in range(20)]
DUE = DAILY[-1] + timedelta(days=1)
AGREED = Agreed(timedelta(days=1), timedelta(hours=4))


@pytest.mark.parametrize(
    ("at", "is_late"),
    [
        (DUE - timedelta(days=1), False),
        (DUE - timedelta(seconds=1), False),
        (DUE, False),
        (DUE + timedelta(seconds=1), True),
        (DUE + timedelta(days=1), True),
    ],
)
def test_a_daily_feed_is_late_after_the_moment_it_is_due_and_not_before(at: datetime, is_late: bool) -> None:
    found = judged_feeds("berka", "account.v1", DAILY, None, at)

    assert (found.expected_by, found.learned_from, found.is_late) == (DUE, "history", is_late)


def test_one_gap_in_twenty_is_no_rule_and_two_are() -> None:
    gaps = [1] * 19 + [3]

    assert expected_by(_after(gaps), None)[0] == _after(gaps)[-1] + timedelta(days=1)
    assert expected_by(_after([*gaps[1:], 3]), None)[0] == _after([*gaps[1:], 3])[-1] + timedelta(days=3)


def test_what_was_long_ago_is_forgotten() -> None:
    arrivals = _after([7] * 50 + [1] * MOST_ARRIVALS)

    assert expected_by(arrivals, None) == (arrivals[-1] + timedelta(days=1), "history")


def test_with_little_history_the_contract_says_when_and_with_neither_nobody_does() -> None:
    few = DAILY[: FEWEST_ARRIVALS - 1]

    assert expected_by(few, AGREED) == (few[-1] + timedelta(days=1, hours=4), "contract")
    assert expected_by(few, None) == (None, None)
    assert not judged_feeds("berka", "account.v1", few, None, few[-1] + timedelta(days=900)).is_late
    assert expected_by(DAILY[:FEWEST_ARRIVALS], AGREED)[1] == "history"


def test_feeds_are_told_apart_by_source_and_type_and_seen_as_they_stood() -> None:
    tables = MemoryTables()
    tables.write("raw.accounts", _rows([("berka", day) for day in DAILY] + [("other", day) for day in DAILY[:10]]))
    tables.write("raw.loan_outcomes", _rows([("berka", DAILY[0]), ("berka", DAILY[0])]))

    found = {(each.source, each.event_type): each for each in feeds(tables, {"loan_outcome.v1": AGREED}, DUE)}
    before = {(each.source, each.event_type): each for each in feeds(tables, {}, DAILY[9])}

    assert {key: each.is_late for key, each in found.items()} == {
        ("berka", "account.v1"): False,
        ("other", "account.v1"): True,
        ("berka", "loan_outcome.v1"): True,
    }
    assert found["other", "account.v1"].last_arrival == before["berka", "account.v1"].last_arrival == DAILY[9]
    assert not before["other", "account.v1"].is_late


def _after(days: list[int]) -> list[datetime]:
    arrivals = [SIX]
    for gap in days:
        arrivals.append(arrivals[-1] + timedelta(days=gap))
    return arrivals


def _rows(arrivals: list[tuple[str, datetime]]) -> pa.Table:
    return pa.table(
        {"source": [source for source, _ in arrivals], "until": [int(at.timestamp() * 1000) for _, at in arrivals]}
    )
