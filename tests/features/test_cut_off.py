"""Whatever arrives later: what a moment saw stays, and days that are made one at a time add up to the same."""

from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import APPLICANT
from features.duckdb import compute, compute_days
from tests.features.engine import computed, in_order, merged, moments, tables
from tests.features.histories import DAY, START, once, told_of

BANK = APPLICANT.sources[0]


@settings(max_examples=6)
@given(seed=st.integers(0, 10**6), cut=st.integers(-5, 400))
def test_what_was_told_after_a_moment_never_changes_it(seed: int, cut: int) -> None:
    random = Random(seed)
    everything = merged(told_of(random, f"account-{n}") for n in range(12))
    until = START + cut * DAY + random.random() * DAY
    by_then = {source: [row for row in rows if row["recorded_at"] <= until] for source, rows in everything.items()}
    asked = [(f"account-{n}", until - random.choice([0, 0, 1, 33]) * DAY) for n in range(12)]

    assert in_order(computed(asked, by_then)) == in_order(computed(asked, everything))


@settings(max_examples=4)
@given(seed=st.integers(0, 10**6))
def test_days_made_anew_as_their_events_arrive_equal_the_full_build(seed: int) -> None:
    """Events are delivered in any order, late ones included; each delivery makes only the days that it touched."""
    random = Random(seed)
    events = once(merged(told_of(random, f"account-{n}") for n in range(12))["bank_transactions"])
    random.shuffle(events)
    asked = [(f"account-{n}", START + random.randrange(-3, 420) * DAY) for n in range(12)]
    arrived: list[dict[str, Any]] = []
    days: Any = None
    while len(arrived) < len(events):
        delivered = events[len(arrived) : len(arrived) + random.choice([1, 20, 90])]
        arrived += delivered
        days = _with_days(days, {row["occurred_at"].date() for row in delivered}, arrived)

    full = computed(asked, {"bank_transactions": events})
    by_days = compute(APPLICANT, moments(APPLICANT, asked), {} if days is None else {BANK.name: days}, _by_days(days))
    assert in_order(by_days.to_pylist()) == in_order(full)


def _with_days(kept: Any, touched: set[Any], arrived: list[dict[str, Any]]) -> Any:
    on_them = [row for row in arrived if row["occurred_at"].date() in touched]
    fresh = compute_days(BANK, tables(APPLICANT, {BANK.name: on_them})[BANK.name])
    if kept is None:
        return fresh
    others = kept.filter(pc.invert(pc.is_in(kept["event_day"], pa.array(sorted(touched), pa.date32()))))
    return pa.concat_tables([others, fresh])


def _by_days(days: Any) -> set[str]:
    return set() if days is None else {BANK.name}
