"""Real bank histories of Czech accounts: every feature of 300 accounts at three dates and at their applications."""

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from features.catalog import LAKE_FEATURES
from pipelines.sources.berka import Berka
from tests.features import oracle_own
from tests.features.engine import computed, computed_by_days, in_order, merged, unequal
from tests.features.oracle import differences
from tests.features.spark_engine import computed_by_spark

pytestmark = pytest.mark.slow

DATES = (datetime(1995, 7, 1, tzinfo=UTC), datetime(1997, 1, 1, tzinfo=UTC), datetime(1998, 12, 31, tzinfo=UTC))
Told = dict[str, dict[str, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def told(berka: Path) -> Told:
    """The events of 300 accounts, by account, unordered; accounts that applied for credit come first."""
    events: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for event in Berka(berka).read().events:
        source = {"bank_transaction.v1": "bank_transactions", "credit_application.v1": "applications"}.get(
            event.event_type
        )
        if source is not None:
            events[event.account_id][source].append(_row(event.body))
    random = Random(1999)
    applied = sorted(account for account, of in events.items() if of["applications"])
    others = sorted(set(events) - set(applied))
    chosen = random.sample(applied, 100) + random.sample(others, 200)
    return {
        account: {source: random.sample(rows, len(rows)) for source, rows in events[account].items()}
        for account in chosen
    }


def _row(body: bytes) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(body)
    moments = {name: datetime.fromisoformat(row[name]) for name in ("occurred_at", "recorded_at")}
    # The moments asked of name one entity under both keys.
    return row | moments | {"shopper_id": row["account_id"]}


def test_every_feature_of_real_accounts_equals_the_oracle(told: Told) -> None:
    asked = [(account, date) for account in told for date in DATES]
    asked += [(account, each["occurred_at"]) for account, of in told.items() for each in of.get("applications", [])]

    rows = computed(asked, merged(told.values()))

    assert len(rows) == len(asked) >= 300 * len(DATES) + 100
    for row in rows:
        expected, stale = oracle_own.applicant(told[row["account_id"]], row["as_of"])
        assert differences(row, expected) == {}, (row["account_id"], row["as_of"])
        assert set(row["stale"].split(",")) - {""} == stale
    assert set(expected) == {feature.name for feature in LAKE_FEATURES}


def test_whole_days_of_real_accounts_add_up(told: Told) -> None:
    asked = [(account, date) for account in told for date in DATES]

    by_events, by_days = computed(asked, merged(told.values())), computed_by_days(asked, merged(told.values()))

    assert in_order(by_days) == in_order(by_events)


def test_spark_says_of_real_accounts_what_duckdb_says(spark: Any, told: Told, tmp_path: Path) -> None:
    asked = [(account, date) for account in told for date in DATES]
    everything = merged(told.values())

    by_spark = computed_by_spark(spark, tmp_path, asked, everything)

    by_duckdb = {(row["account_id"], row["as_of"]): row for row in computed(asked, everything)}
    assert len(by_spark) == len(by_duckdb)
    for row in by_spark:
        assert unequal(row, by_duckdb[row["account_id"], row["as_of"]]) == {}, (row["account_id"], row["as_of"])
