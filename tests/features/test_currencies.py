"""Amounts of several currencies are never added up, compared or divided: the feature is null, and its counts stay."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from features.as_of import measures_read
from features.catalog import APPLICANT, FEATURE_SETS, MERCHANT, FeatureSet
from tests.features.engine import computed

AS_OF = datetime(2026, 3, 29, 12, tzinfo=UTC)
Row = dict[str, Any]


def an_event(number: int, days: int, minor: int, currency: str) -> Row:
    at = AS_OF - timedelta(days=days)
    told = {"event_id": f"e{number}", "shopper_id": "s-1", "merchant_id": "s-1", "occurred_at": at, "recorded_at": at}
    amounts = {"amount_minor": minor, "principal_minor": minor, "open_change_minor": minor}
    return {**told, **amounts, "currency": currency, "sequence": number, "due_on": AS_OF.date(), "days_past_due": 0}


def features_of(of: FeatureSet, **told: list[Row]) -> Row:
    (row,) = computed([("s-1", AS_OF)], told, of)
    return row


def test_orders_of_two_currencies_have_no_sum_and_a_count() -> None:
    """100.00 GBP and 10,000.00 CZK are not 1,010,000 of anything."""
    row = features_of(APPLICANT, orders=[an_event(1, 2, 100_00, "GBP"), an_event(2, 1, 10_000_00, "CZK")])

    assert (row["ordered_minor_30d"], row["order_mean_365d"], row["largest_order_365d"]) == (None, None, None)
    assert (row["orders_30d"], row["order_days_30d"]) == (2, 2)


def test_a_window_with_one_currency_has_its_sum_whatever_came_before_it() -> None:
    row = features_of(APPLICANT, orders=[an_event(1, 20, 10_000_00, "CZK"), an_event(2, 1, 100_00, "GBP")])

    assert (row["ordered_minor_7d"], row["ordered_minor_30d"]) == (100_00, None)


def test_what_is_refunded_in_another_currency_is_no_share_of_what_was_ordered() -> None:
    orders = [an_event(1, 20, 100_00, "GBP")]

    same = features_of(APPLICANT, orders=orders, refunds=[an_event(2, 1, 10_00, "GBP")])
    other = features_of(APPLICANT, orders=orders, refunds=[an_event(2, 1, 10_00, "EUR")])

    assert (same["refund_share_365d"], other["refund_share_365d"]) == (0.1, None)
    assert (same["ordered_minor_30d"], other["ordered_minor_30d"]) == (100_00, 100_00)


AMOUNTS = [
    pytest.param(of, source, feature, id=f"{of.entity}-{feature.name}")
    for of in FEATURE_SETS.values()
    for source in of.sources
    if source.currency
    for feature in of.lake
    if any(source.measures[name].of_money for name in measures_read(feature.sql) & source.measures.keys())
]


@pytest.mark.parametrize(("of", "source", "feature"), AMOUNTS)
def test_every_feature_over_amounts_is_null_over_two_currencies(of: FeatureSet, source: Any, feature: Any) -> None:
    """Each source alone has events of two currencies in every window, the others of one."""
    days = (1, 40, 40)
    all_of_one = {
        each.name: [an_event(number, ago, 100_00, "GBP") for number, ago in enumerate(days)] for each in of.sources
    }
    mixed = all_of_one | {
        source.name: [an_event(n, ago, 100_00, money) for n, (ago, money) in enumerate(zip(
            (1, 1, 40, 40), ("GBP", "EUR", "GBP", "EUR"), strict=True))]
    }  # fmt: skip

    assert features_of(of, **mixed)[feature.name] is None


def test_every_table_of_ours_with_amounts_names_their_currency() -> None:
    """A bank account has one currency; what is ours may come in any."""
    with_amounts = {
        source.name: source.currency
        for of in (APPLICANT, MERCHANT)
        for source in of.sources
        if any(measure.of_money for measure in source.measures.values())
    }

    assert {name for name, currency in with_amounts.items() if not currency} == {"bank_transactions"}
