"""Rows past their retention are removed from every layer and tag on the day after, together with their files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from data_contracts.catalog import event_contracts
from pipelines.erasures.erasures import ErasureState
from pipelines.erasures.iceberg_erasures import IcebergErasures
from pipelines.settings import Settings
from pipelines.upkeep.retention import RetainReport, periods, retain
from tests.pipelines.two_shoppers import NEEDLES, OTHERS, TAG, TwoShoppers

pytestmark = pytest.mark.slow

HAPPENED = datetime(1996, 1, 1, 23, 59, 59, tzinfo=UTC)
DAYS = {
    "bank_transaction.v1": 30,
    "account.v1": 60,
    "credit_application.v1": 60,
    "granted_loan.v1": 60,
    "loan_outcome.v1": 60,
    "applicant_features.v1": 60,
}


@pytest.fixture(scope="module")
def lake(lake_environment: Mapping[str, str]) -> TwoShoppers:
    filled = TwoShoppers(Settings.from_environment(lake_environment))
    filled.fill(HAPPENED)
    return filled


def kept(lake: TwoShoppers, as_of: date, **changes: Any) -> RetainReport:
    options: dict[str, Any] = {
        "now": datetime.now(UTC) + timedelta(hours=1),
        "held": {},
        "kept_days": DAYS,
        "orphans_older_than": timedelta(),
    }
    return retain(lake.upkeep, IcebergErasures(lake.settings), as_of=as_of, **{**options, **changes})


def rows(lake: TwoShoppers, name: str) -> int:
    return len(lake.table(name).scan().to_arrow())


def test_a_row_stays_through_its_last_day_and_goes_the_day_after(lake: TwoShoppers) -> None:
    """The tests of this module are one story and run in this order."""
    for day in (date(1996, 1, 30), date(1996, 1, 31)):  # the day before the thirtieth day, and that day itself
        assert sum(kept(lake, day).rows.values()) == 0

    report = kept(lake, date(1996, 2, 1))

    gone = {name for name, count in report.rows.items() if count}
    assert gone == {"raw.bank_transactions", "curated.bank_transactions", "raw.source_rejects", *_CUT_OFF}
    assert rows(lake, "raw.bank_transactions") == rows(lake, "curated.bank_transactions") == 0
    assert rows(lake, "raw.accounts") == 3
    # Of each three set aside one says its type and day; the others go by the shortest period since we saw them.
    assert rows(lake, "raw.quarantine") == 2
    assert "raw.plans" in report.without_period


_CUT_OFF = ("raw.quarantine", "raw.duplicates")


def test_a_held_shopper_keeps_everything_and_a_tag_keeps_nothing(lake: TwoShoppers) -> None:
    report = kept(lake, date(1996, 3, 2), held={OTHERS: "court-9"})

    assert report.rows["raw.accounts"] == 2
    assert rows(lake, "raw.accounts") == 1
    assert rows(lake, "features.applicant") == 1
    assert rows(lake, "raw.duplicates") == 1
    tagged = lake.table("curated.granted_loans").scan(snapshot_id=lake.named_by_tag()["curated.granted_loans"])
    assert [row["loan_id"] for row in tagged.to_arrow().to_pylist()] == ["loan-other-0"]
    explained = [line for line in IcebergErasures(lake.settings).lines() if line.ref == TAG]
    assert {(line.case_id, line.subject) for line in explained} == {("retention 1996-03-02", "")}
    assert {line.state for line in explained} == {ErasureState.REMOVING, ErasureState.REMOVED}


def test_what_went_is_gone_from_the_object_store(lake: TwoShoppers) -> None:
    """Plans and ledger entries of this lake have no contract, so nothing was said of how long they are kept."""
    left = lake.found()

    assert {needle for needle in NEEDLES if needle in left} == {"shopper-canary", "plan-canary"}
    for name in ("raw.accounts", "curated.granted_loans", "features.applicant", "raw.quarantine"):
        assert lake.upkeep.table(name).unreached() == []


def test_released_from_the_hold_the_rest_goes_too(lake: TwoShoppers) -> None:
    report = kept(lake, date(1996, 3, 2))

    assert rows(lake, "raw.accounts") == rows(lake, "features.applicant") == rows(lake, "raw.duplicates") == 0
    assert report.young_files == 0


def test_the_contracts_own_periods_are_days() -> None:
    assert periods()["account.v1"] == 7 * 366
    assert periods()["ledger_entry.v1"] == 10 * 366
    assert set(periods()) == {*event_contracts(), "labels.v1", "applicant_features.v1", "merchant_features.v1"}
