"""Journals for tests: what a case leaves out is filled in."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from ledger.journal import Journal
from ledger.map import flows
from ledger.money import Currency, Money

DAY = date(2026, 1, 10)
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
NAMES = {
    "plan": "p-1",
    "product": "monthly",
    "merchant": "m-1",
    "shopper": "s-1",
    "bank": "main",
    "provider": "sim",
    "rail": "card",
    "facility": "f-1",
    "sold": "main",
    "bought": "euros",
}


def pounds(amount: str) -> Money:
    return Money.parse(amount, Currency.GBP)


def crowns(amount: str) -> Money:
    return Money.parse(amount, Currency.CZK)


def euros(amount: str) -> Money:
    return Money.parse(amount, Currency.EUR)


def a_journal(flow: str, key: str = "1", **changes: Any) -> Journal:
    """A journal of a flow; `amounts` as texts in pounds, `names` over the usual ones."""
    amounts: Mapping[str, str | Money] = changes.pop("amounts", {})
    described = {
        "value_date": DAY,
        "occurred_at": NOON,
        "recorded_at": NOON,
        "correlation": {"plan_id": "p-1"},
        **changes,
        "names": {**NAMES, **changes.get("names", {})},
        "amounts": {name: pounds(each) if isinstance(each, str) else each for name, each in amounts.items()},
    }
    return flows.journal(flow, key=key, **described)


def a_purchase(payable: str = "95.00", discount: str = "5.00", key: str = "o-1", **changes: Any) -> Journal:
    return a_journal("F02", key, amounts={"payable": payable, "discount": discount}, **changes)


def a_claim(principal: str = "25.00", key: str = "a-1", **changes: Any) -> Journal:
    correlation = {"plan_id": "p-1", "attempt_id": key}
    return a_journal("F12a", key, amounts={"principal": principal}, **{"correlation": correlation, **changes})


def presumed_paid(principal: str = "25.00", key: str = "a-1", **changes: Any) -> Journal:
    correlation = {"plan_id": "p-1", "attempt_id": key}
    return a_journal("F12b", key, amounts={"principal": principal}, **{"correlation": correlation, **changes})
