"""One behaviour suite over every adapter of the payouts to merchants."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from ledger.books.memory import MemoryLedger
from ledger.books.postgres import PostgresLedger
from ledger.books.store import Conflict, Recorded
from ledger.map.flows import journal
from ledger.money import Currency
from lending.plan.when import When
from lending.terms.merchant_terms import MerchantTerms
from payments.ids import PayoutId
from payments.merchants.memory import MemoryPayouts
from payments.merchants.payouts import Payouts
from payments.merchants.postgres import PostgresPayouts
from payments.merchants.settlement import ItemKind, MerchantBooks, Reserve, Settlement, settle
from tests.payments.plans import MERCHANT_TERMS, pounds

DAY = date(2026, 3, 10)
PAYOUT = PayoutId("mp-2026-03-10-m-1-GBP")


@dataclass(frozen=True)
class Desk:
    """Payouts over the books that they settle."""

    payouts: Payouts
    ledger: MemoryLedger | PostgresLedger

    def sold(self, number: int, minor: int, *, on: date = DAY, merchant: str = "m-1", flow: str = "F02") -> str:
        """A sale, or a refund of one, as the merchant's account sees it."""
        when = When.day(on)
        amounts = {"payable": pounds(minor)} | ({} if flow == "F02" else {"refund": pounds(minor)})
        written = journal(
            flow, key=f"{merchant}/o-{number}", value_date=on, occurred_at=when.occurred_at,
            recorded_at=when.recorded_at, correlation={"order_id": f"o-{number}", "plan_id": f"p-{number}"},
            amounts=amounts, names={"plan": f"p-{number}", "merchant": merchant, "shopper": "s-1"},
        )  # fmt: skip
        assert isinstance(self.ledger.post(written), Recorded)
        return written.entry_id

    def owes(self, minor: int, merchant: str = "m-1") -> None:
        """The merchant owes us for a refund of what it was paid for."""
        when = When.day(DAY)
        written = journal(
            "F21b", key=f"r-{minor}", value_date=DAY, occurred_at=when.occurred_at, recorded_at=when.recorded_at,
            correlation={}, amounts={"receivable": pounds(minor), "principal": pounds(minor)},
            names={"plan": "p-1", "merchant": merchant},
        )  # fmt: skip
        assert isinstance(self.ledger.post(written), Recorded)

    def books(self, on: date = DAY) -> list[MerchantBooks]:
        self.payouts.lock()
        return self.payouts.unsettled(on)

    def settle(self, on: date = DAY, terms: MerchantTerms = MERCHANT_TERMS) -> list[Settlement]:
        """Every merchant's payout of the day, booked and kept."""
        found = [settle(books, lambda _: terms, on, When.day(on)) for books in self.books(on)]
        settled = [each for each in found if each is not None]
        for each in settled:
            assert all(isinstance(outcome, Recorded) for outcome in self.ledger.post_all(each.journals))
        self.payouts.keep(settled)
        return settled


@pytest.fixture(params=["memory", "postgres"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    if request.param == "memory":
        books = MemoryLedger()
        yield Desk(MemoryPayouts(books), books)
        return
    connection: psycopg.Connection[Any] = request.getfixturevalue("connection")
    yield Desk(PostgresPayouts(connection), PostgresLedger(connection))
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what a commit would check
    connection.rollback()


def test_what_is_owed_to_a_merchant_is_listed_in_the_order_of_its_entries(desk: Desk) -> None:
    sale, refund = desk.sold(1, 95_00), desk.sold(2, 20_00, flow="F22")

    (books,) = desk.books()

    assert (books.merchant_id, books.currency, books.receivable) == ("m-1", Currency.GBP, pounds(0))
    assert [(each.entry_id, each.flow, each.amount, each.value_date) for each in books.owed] == [
        (sale, "F02", pounds(95_00), DAY),
        (refund, "F22", pounds(-20_00), DAY),
    ]
    assert [(each.order_id, each.plan_id) for each in books.owed] == [("o-1", "p-1"), ("o-2", "p-2")]
    assert books.owed[0].position < books.owed[1].position


def test_each_merchant_has_books_of_its_own_in_the_order_of_their_names(desk: Desk) -> None:
    desk.sold(1, 40_00, merchant="m-2")
    desk.sold(2, 95_00)

    assert [books.merchant_id for books in desk.books()] == ["m-1", "m-2"]


def test_what_is_settled_is_not_owed_again_and_the_same_day_pays_once(desk: Desk) -> None:
    sale = desk.sold(1, 95_00)
    (settled,) = desk.settle()
    later = desk.sold(2, 10_00)

    assert settled.payout.amount == pounds(95_00)
    assert desk.books() == [], "the merchant has its payout of the day"
    (next_day,) = desk.books(DAY + timedelta(days=1))
    assert [each.entry_id for each in next_day.owed] == [later]
    assert (desk.payouts.settled(sale), desk.payouts.settled(later)) == (True, False)


def test_a_payout_reads_back_with_its_items_by_day(desk: Desk) -> None:
    today, yesterday = desk.sold(1, 95_00), desk.sold(2, 5_00, on=DAY - timedelta(days=1))
    (settled,) = desk.settle()

    assert desk.payouts.of_day(DAY) == [settled.payout]
    assert desk.payouts.of_day(DAY + timedelta(days=1)) == []
    assert desk.payouts.get_all([PAYOUT, PayoutId("mp-x")]) == {PAYOUT: settled.payout}
    assert [each.entry_id for each in desk.payouts.items(PAYOUT)] == [yesterday, today]
    assert set(desk.payouts.items(PAYOUT)) == set(settled.items)
    assert desk.payouts.items(PayoutId("mp-x")) == ()


def test_what_a_merchant_owes_us_is_listed_beside_what_we_owe_it(desk: Desk) -> None:
    desk.sold(1, 95_00)
    desk.owes(30_00)

    (books,) = desk.books()
    assert books.receivable == pounds(30_00)
    (settled,) = desk.settle()
    assert settled.payout.amount == pounds(65_00)


def test_a_reserve_is_listed_from_its_day_on_until_it_is_given_back(desk: Desk) -> None:
    desk.sold(1, 95_00)
    desk.settle(terms=replace(MERCHANT_TERMS, reserve_basis_points=1_000, reserve_days=30))
    day = DAY + timedelta(days=30)

    assert desk.books(day - timedelta(days=1)) == []
    (books,) = desk.books(day)
    assert (books.owed, books.releases) == ((), (Reserve(PAYOUT, pounds(9_50), day),))
    (settled,) = desk.settle(day)
    assert [item.kind for item in settled.items] == [ItemKind.RESERVE_RELEASED]
    assert desk.books(day + timedelta(days=1)) == []


def test_a_sale_that_waits_is_owed_until_its_day_has_come(desk: Desk) -> None:
    terms = replace(MERCHANT_TERMS, settlement_days=2)
    old, new = desk.sold(1, 95_00, on=DAY - timedelta(days=2)), desk.sold(2, 10_00)
    (settled,) = desk.settle(terms=terms)

    assert [item.entry_id for item in settled.items] == [old]
    (books,) = desk.books(DAY + timedelta(days=1))
    assert [each.entry_id for each in books.owed] == [new]


def test_a_return_is_kept_once(desk: Desk) -> None:
    desk.sold(1, 95_00)
    desk.settle()

    assert desk.payouts.keep_return(PAYOUT, "l-1", "AC04", DAY) is True
    assert desk.payouts.keep_return(PAYOUT, "l-1", "AC04", DAY) is False


@pytest.mark.parametrize(
    ("line_id", "reason", "on", "field"),
    [
        ("l-2", "AC04", DAY, "line_id"),
        ("l-1", "AC06", DAY, "reason"),
        ("l-1", "AC04", DAY + timedelta(days=1), "returned_on"),
    ],
)
def test_another_return_of_a_payout_is_a_conflict_that_names_the_field(
    desk: Desk, line_id: str, reason: str, on: date, field: str
) -> None:
    desk.sold(1, 95_00)
    desk.settle()
    desk.payouts.keep_return(PAYOUT, "l-1", "AC04", DAY)

    with pytest.raises(Conflict, match=f"{PAYOUT} is recorded with another {field}"):
        desk.payouts.keep_return(PAYOUT, line_id, reason, on)


def test_one_line_does_not_bring_back_two_payouts(desk: Desk) -> None:
    desk.sold(1, 95_00)
    desk.sold(2, 40_00, merchant="m-2")
    desk.settle()
    desk.payouts.keep_return(PAYOUT, "l-1", "AC04", DAY)

    with pytest.raises(Conflict, match="another payout_id"):
        desk.payouts.keep_return(PayoutId("mp-2026-03-10-m-2-GBP"), "l-1", "AC04", DAY)
