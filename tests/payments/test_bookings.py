"""The journals that payments post without a plan event: claimed amounts, provider payouts, unidentified money."""

from datetime import date

import pytest

from ledger.account import Side
from ledger.books.memory import MemoryLedger
from ledger.books.store import Recorded
from ledger.map.flows import journal
from ledger.money import Currency
from lending.plan.when import When
from payments.collection.bookings import Collection, Components, attempt_claimed
from payments.files.line import FileLine
from payments.ids import ProviderPayoutId
from payments.line_key import LineKind
from payments.reconciliation.bookings import fee_kept, provider_settled, unidentified_credit, unidentified_debit
from tests.lending.plans import a_plan, pounds

DAY = date(2026, 3, 10)
WHEN = When.day(DAY)
NOTHING = pounds("0.00")


def a_collection() -> Collection:
    plan = a_plan()
    return Collection(plan, plan.instalments[1].instalment_id, f"{plan.instalments[1].instalment_id}#1", "card", "sim")


def owed(books: MemoryLedger, plan_id: str) -> None:
    taken_over = journal(
        "F48", key=plan_id, value_date=DAY, occurred_at=WHEN.occurred_at, recorded_at=WHEN.recorded_at, correlation={},
        amounts={"principal": pounds("33.33")}, names={"plan": plan_id},
    )  # fmt: skip
    books.post(taken_over)


def test_what_is_asked_for_cannot_be_asked_for_again_while_it_is_held() -> None:
    collection, books = a_collection(), MemoryLedger()
    owed(books, collection.plan.plan_id)
    asks = Components(pounds("33.33"), NOTHING, NOTHING)

    first = books.hold(attempt_claimed(collection, asks, WHEN))
    other = Collection(collection.plan, collection.instalment_id, "another", "card", "sim")
    second = books.hold(attempt_claimed(other, asks, WHEN))

    assert first == Recorded(f"F12a:{collection.attempt_id}")
    assert not isinstance(second, Recorded)


def test_a_providers_payout_empties_the_attempts_group_into_bank_and_fee() -> None:
    collection, books = a_collection(), MemoryLedger()
    captured = journal(
        "F20", key="a", value_date=DAY, occurred_at=WHEN.occurred_at, recorded_at=WHEN.recorded_at,
        correlation=collection.correlation(), amounts={"credit_balance": pounds("33.33")},
        names={"provider": "sim", "shopper": "s-1"},
    )  # fmt: skip
    books.post(captured)

    part = FileLine("l-1", LineKind.CAPTURE, pounds("33.33"), DAY, DAY)
    books.post(provider_settled(part, WHEN, provider="sim", bank="main", correlation=collection.correlation()))
    payout, names = ProviderPayoutId("po-1"), {"provider": "sim", "bank": "main", "line_id": "l-2"}
    books.post(fee_kept(payout, pounds("0.40"), pounds("0.10"), WHEN, **names))

    assert books.open_groups(DAY) == ()
    assert books.balance("exp:provider_fee", Currency.GBP).posted(Side.DEBIT) == pounds("0.30")


@pytest.mark.parametrize("credit", [True, False], ids=["credit", "debit"])
def test_money_that_nobody_knows_waits_on_suspense_under_its_line(credit: bool) -> None:
    books = MemoryLedger()
    book = unidentified_credit if credit else unidentified_debit

    books.post(book("l-1", "main", pounds("5.00"), WHEN))

    (group,) = books.open_groups(DAY)
    assert (group.account, group.key, group.value) == (
        "suspense:unapplied" if credit else "suspense:debits",
        "line_id",
        "l-1",
    )
