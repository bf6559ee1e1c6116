"""What a payout to a merchant is made of."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ledger.account import Side
from ledger.books.memory import MemoryLedger
from ledger.books.store import Recorded
from ledger.map.flows import journal
from ledger.money import Currency, Money
from lending.plan.when import When
from lending.terms.merchant_terms import MerchantTerms, Weekday
from payments.files.payout_file import Payout
from payments.merchants.bookings import merchant_settled
from payments.merchants.settlement import (
    ItemKind,
    MerchantBooks,
    Reserve,
    Settlement,
    UnsettledEntry,
    settle,
)
from payments.reconciliation.bookings import payout_confirmed, payout_returned
from tests.payments.plans import MERCHANT_TERMS

DAY = date(2026, 3, 10)
WHEN = When.day(DAY)
PLAIN = MERCHANT_TERMS


def pounds(minor: int) -> Money:
    return Money(minor, Currency.GBP)


def an_entry(number: int, minor: int, *, flow: str = "F02", on: date = DAY) -> UnsettledEntry:
    return UnsettledEntry(number, f"{flow}:o-{number}", flow, on, pounds(minor), f"o-{number}")


def settled(
    *owed: UnsettledEntry, terms: MerchantTerms, receivable: int = 0, releases: tuple[Reserve, ...] = ()
) -> Settlement | None:
    books = MerchantBooks("m-1", Currency.GBP, owed, pounds(receivable), releases)
    return settle(books, lambda _: terms, DAY, WHEN)


def made_of(found: Settlement | None) -> dict[ItemKind, int]:
    assert found is not None
    assert Money.total((item.amount for item in found.items), Currency.GBP) == found.payout.amount
    kinds = {item.kind for item in found.items}
    return {kind: sum(item.amount.minor for item in found.items if item.kind is kind) for kind in sorted(kinds)}


def flows(found: Settlement | None) -> list[str]:
    assert found is not None
    return [journal.flow for journal in found.journals]


def test_what_was_sold_and_refunded_is_paid_in_one_sum() -> None:
    found = settled(an_entry(1, 95_00), an_entry(2, 57_00), an_entry(3, -19_00, flow="F22"), terms=PLAIN)

    assert made_of(found) == {ItemKind.SALE: 152_00, ItemKind.REFUND: -19_00}
    assert found is not None
    assert (found.payout.payout_id, found.payout.amount) == ("mp-2026-03-10-m-1-GBP", pounds(133_00))
    assert (flows(found), found.settled_through) == (["F07a"], 3)


def test_a_sale_waits_until_its_time_is_over_and_a_refund_does_not() -> None:
    terms = replace(PLAIN, settlement_days=2)
    days = [DAY - timedelta(days=3), DAY - timedelta(days=2), DAY - timedelta(days=1)]
    sales = [an_entry(number, 10_00, on=day) for number, day in enumerate(days, 1)]

    found = settled(*sales, an_entry(4, -5_00, flow="F21a"), terms=terms)

    assert made_of(found) == {ItemKind.SALE: 20_00, ItemKind.REFUND: -5_00}
    assert found is not None
    assert found.settled_through == 2  # the sale of yesterday, the third entry, is looked at again


@pytest.mark.parametrize(
    ("flow", "kind"),
    [
        ("F02", ItemKind.SALE),
        ("F02t", ItemKind.SALE),
        ("F40", ItemKind.SALE),
        ("F21a", ItemKind.REFUND),
        ("F21b", ItemKind.REFUND),
        ("F22", ItemKind.REFUND),
        ("F40r", ItemKind.REFUND),
        ("F27a", ItemKind.DISPUTE),
        ("F27b", ItemKind.DISPUTE),
        ("F07c", ItemKind.RETURNED_PAYOUT),
        ("F38", ItemKind.CORRECTION),
        ("F99", ItemKind.OTHER),
    ],
)
def test_the_flow_of_an_entry_says_why_it_is_in_a_payout(flow: str, kind: ItemKind) -> None:
    assert an_entry(1, -5_00, flow=flow).kind is kind


@pytest.mark.parametrize(("owed", "sent", "netted"), [(40_00, 55_00, 40_00), (95_00, 0, 95_00), (100_00, 0, 95_00)])
def test_what_the_merchant_owes_is_taken_first_and_never_more_than_there_is(owed: int, sent: int, netted: int) -> None:
    found = settled(an_entry(1, 95_00), terms=PLAIN, receivable=owed)

    assert made_of(found) == {ItemKind.SALE: 95_00, ItemKind.NETTED: -netted}
    assert found is not None
    assert (found.payout.amount.minor, flows(found)) == (sent, ["F21c", "F07a"] if sent else ["F21c"])


def test_a_part_of_the_sales_is_kept_back_and_given_back_on_its_day() -> None:
    terms = replace(PLAIN, reserve_basis_points=1_000, reserve_days=90)
    due = Reserve("mp-2025-12-10-m-1-GBP", pounds(7_00), DAY)

    found = settled(an_entry(1, 80_00), terms=terms, releases=(due,))

    assert made_of(found) == {
        ItemKind.SALE: 80_00,
        ItemKind.RESERVE_RELEASED: 7_00,
        ItemKind.RESERVE_HELD: -8_00,
    }
    assert found is not None
    assert found.reserve == Reserve("mp-2026-03-10-m-1-GBP", pounds(8_00), date(2026, 6, 8))
    assert (found.released, flows(found)) == ((due,), ["F08", "F08", "F07a"])


def test_the_reserve_never_takes_more_than_is_left() -> None:
    terms = replace(PLAIN, reserve_basis_points=5_000, reserve_days=90)

    found = settled(an_entry(1, 80_00), an_entry(2, -50_00, flow="F22"), terms=terms)

    assert made_of(found) == {ItemKind.SALE: 80_00, ItemKind.REFUND: -50_00, ItemKind.RESERVE_HELD: -30_00}


@pytest.mark.parametrize("owed", [(), (an_entry(1, 50_00), an_entry(2, -50_00, flow="F21a"))])
def test_without_anything_left_there_is_no_payout_and_all_of_it_waits(owed: tuple[UnsettledEntry, ...]) -> None:
    assert settled(*owed, terms=PLAIN) is None


def test_the_books_follow_the_items() -> None:
    books = MemoryLedger()
    sold = journal(
        "F02", key="m-1/o-1/1", value_date=DAY, occurred_at=WHEN.occurred_at, recorded_at=WHEN.recorded_at,
        correlation={"order_id": "o-1"}, amounts={"payable": pounds(95_00), "discount": pounds(5_00)},
        names={"plan": "p-1", "merchant": "m-1"},
    )  # fmt: skip
    refunded = journal(
        "F21b", key="r-1", value_date=DAY, occurred_at=WHEN.occurred_at, recorded_at=WHEN.recorded_at, correlation={},
        amounts={"receivable": pounds(30_00), "principal": pounds(30_00)},
        names={"plan": "p-1", "merchant": "m-1"},
    )  # fmt: skip
    books.post_all([sold, refunded])
    terms = replace(PLAIN, reserve_basis_points=1_000, reserve_days=90)

    found = settled(an_entry(1, 95_00), terms=terms, receivable=30_00)

    assert found is not None
    assert all(isinstance(outcome, Recorded) for outcome in books.post_all(found.journals))
    balance = {name: books.balance(f"merchant:m-1:{name}", Currency.GBP) for name in ("payable", "receivable")}
    assert {each.posted(Side.CREDIT).minor for each in balance.values()} == {0}
    assert books.balance("merchant:m-1:in_transit", Currency.GBP).posted(Side.CREDIT) == found.payout.amount
    assert books.balance("merchant:m-1:reserve", Currency.GBP).posted(Side.CREDIT) == pounds(9_50)


def test_a_payout_that_the_bank_brings_back_is_owed_again() -> None:
    payout = Payout("mp-1", "m-1", pounds(95_00), DAY)
    books = MemoryLedger()
    opening = journal(
        "F02", key="m-1/o-1/1", value_date=DAY, occurred_at=WHEN.occurred_at, recorded_at=WHEN.recorded_at,
        correlation={}, amounts={"payable": pounds(95_00)}, names={"plan": "p-1", "merchant": "m-1"},
    )  # fmt: skip
    books.post_all([opening, merchant_settled(payout, WHEN)])
    (waiting,) = books.open_groups(DAY)
    books.post(payout_confirmed(payout, WHEN, bank="main", line_id="l-1"))
    assert (waiting.account, waiting.value, books.open_groups(DAY)) == ("merchant:m-1:in_transit", "mp-1", ())

    books.post_all(payout_returned(payout, WHEN, bank="main", line_id="l-2"))

    assert books.open_groups(DAY) == ()
    assert books.balance("merchant:m-1:payable", Currency.GBP).posted(Side.CREDIT) == pounds(95_00)
    assert books.balance("bank:main", Currency.GBP).posted(Side.DEBIT).minor == 0


def test_a_merchant_is_paid_on_the_weekdays_of_its_terms() -> None:
    terms = replace(PLAIN, settlement_weekdays=frozenset({Weekday.TUESDAY, Weekday.FRIDAY}))

    week = [DAY + timedelta(days=days) for days in range(7)]  # from a Tuesday on

    assert [terms.pays_on(day, Currency.GBP) for day in week] == [True, False, False, True, False, False, False]
