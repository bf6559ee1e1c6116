"""The life of a plan, booked into the books."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.account import Side
from ledger.memory import MemoryLedger
from ledger.money import Currency, Money
from ledger.store import Recorded
from lending import bookings
from lending.bookings import Claim, Components, When
from lending.plan import PlanFault
from tests.lending.plans import NOON, OPENED_ON, a_plan, pounds

WHEN = When.moment(NOON)
NOTHING = pounds("0.00")


def _all(amount: str) -> Components:
    return Components(pounds(amount), NOTHING)


def _posted(books: MemoryLedger, account: str, normal: Side) -> Money:
    return books.balance(account, Currency.GBP).posted(normal)


def test_a_purchase_paid_in_three_leaves_only_cash_the_discount_and_what_the_merchant_is_owed() -> None:
    plan, books = a_plan(), MemoryLedger()
    first, second, third = plan.instalments
    down = Claim(plan, first, f"{first.instalment_id}#1", "card", "sim")
    later = [Claim(plan, each, f"{each.instalment_id}#1", "card", "sim") for each in (second, third)]

    assert books.post(bookings.purchase_captured(plan, WHEN)) == Recorded("F02:m-1/o-1/1")
    books.post(bookings.down_payment(down, WHEN))
    for claim in later:
        books.hold(bookings.attempt_claimed(claim, _all("33.33"), WHEN))
        paid = bookings.presumed_paid(claim, _all("33.33"), WHEN)
        assert isinstance(books.post_hold(f"F12a:{claim.attempt_id}", paid), Recorded)
    for claim in (down, *later):
        cash, fee = claim.instalment.amount - pounds("0.30"), pounds("0.30")
        settled = bookings.provider_settled(
            claim.attempt_id,
            provider="sim",
            bank="main",
            cash=cash,
            fee=fee,
            correlation=claim.correlation(),
            when=WHEN,
        )
        assert isinstance(books.post(settled), Recorded)
    before = NOTHING
    for number, claim in enumerate((down, *later)):
        after = before + claim.instalment.principal
        earned = bookings.discount_earned(plan, before, after, f"cause-{number}", WHEN)
        assert earned is not None
        books.post(earned)
        before = after

    assert _posted(books, "plan:p-d-1:principal", Side.DEBIT) == NOTHING
    assert _posted(books, "plan:p-d-1:deferred_discount", Side.CREDIT) == NOTHING
    assert _posted(books, "inc:discount", Side.CREDIT) == pounds("5.00")
    assert _posted(books, "exp:provider_fee", Side.DEBIT) == pounds("0.90")
    assert _posted(books, "bank:main", Side.DEBIT) == pounds("99.10")
    assert _posted(books, "merchant:m-1:payable", Side.CREDIT) == pounds("95.00")
    assert books.open_groups(OPENED_ON) == ()


def test_the_merchant_is_paid_and_the_bank_confirms_it() -> None:
    plan, books = a_plan(), MemoryLedger()
    books.post(bookings.purchase_captured(plan, WHEN))

    books.post(bookings.merchant_settled("m-1", "po-1", pounds("95.00"), WHEN))
    (waiting,) = books.open_groups(OPENED_ON)
    books.post(bookings.payout_confirmed("m-1", "po-1", pounds("95.00"), WHEN, bank="main", line_id="l-1"))

    assert (waiting.account, waiting.value) == ("merchant:m-1:in_transit", "po-1")
    assert books.open_groups(OPENED_ON) == ()
    assert _posted(books, "bank:main", Side.CREDIT) == pounds("95.00")


@pytest.mark.parametrize("netted", [True, False], ids=["netted by the provider", "debited by the bank"])
def test_a_returned_payment_is_owed_again_and_its_cash_leg_closes_the_group(netted: bool) -> None:
    plan, books = a_plan(), MemoryLedger()
    claim = Claim(plan, plan.instalments[1], "p-d-1/1#1", "card", "sim")
    books.post(bookings.purchase_captured(plan, WHEN))
    books.hold(bookings.attempt_claimed(claim, _all("33.33"), WHEN))
    books.post_hold("F12a:p-d-1/1#1", bookings.presumed_paid(claim, _all("33.33"), WHEN))
    books.post(
        bookings.cash_seen(
            "p-d-1/1#1", provider="sim", bank="main", cash=pounds("33.33"), fee=NOTHING, line_id="l-1", when=WHEN
        )
    )

    books.post(bookings.returned(claim, "r-1", _all("33.33"), WHEN))
    assert _posted(books, "plan:p-d-1:principal", Side.DEBIT) == pounds("100.00")
    (group,) = books.open_groups(OPENED_ON)
    assert (group.account, group.value) == ("rail:card:sim:returns", "r-1")

    if netted:
        books.post(bookings.return_netted(claim, "r-1", pounds("33.33"), WHEN))
        (left,) = books.open_groups(OPENED_ON)  # the provider takes it out of its next payout
        assert left.account == "provider:sim:clearing"
    else:
        books.post(bookings.return_debited(claim, "r-1", pounds("33.33"), WHEN, bank="main", line_id="l-2"))
        assert books.open_groups(OPENED_ON) == ()
        assert _posted(books, "bank:main", Side.DEBIT) == NOTHING


def test_interest_is_owed_once_it_falls_due_and_is_repaid_before_principal() -> None:
    plan, books = a_plan("1000.00", months=12, rate=1200), MemoryLedger()
    first = plan.instalments[0]
    repays = Components(first.principal, first.interest)
    claim = Claim(plan, first, "p-d-1/1#1", "card", "sim")
    books.post(bookings.purchase_captured(plan, WHEN))

    accrued = bookings.interest_accrued(plan, first, When.day(first.due_on))
    assert accrued is not None
    books.post(accrued)
    assert isinstance(books.hold(bookings.attempt_claimed(claim, repays, WHEN)), Recorded)
    books.post_hold("F12a:p-d-1/1#1", bookings.presumed_paid(claim, repays, WHEN))

    assert _posted(books, "inc:interest", Side.CREDIT) == pounds("10.19")  # 12 % for 31 of 365 days
    assert _posted(books, "plan:p-d-1:interest_rcv", Side.DEBIT) == NOTHING
    assert bookings.interest_accrued(a_plan(), a_plan().instalments[0], WHEN) is None


def test_money_that_a_shopper_pushes_goes_through_suspense_to_the_instalment() -> None:
    plan, books = a_plan(), MemoryLedger()
    books.post(bookings.taken_over(plan, WHEN))

    books.post(bookings.unidentified_credit("l-1", "main", pounds("33.34"), WHEN))
    (waiting,) = books.open_groups(OPENED_ON)
    books.post(bookings.identified_credit(plan, plan.instalments[0], "l-1", _all("33.34"), WHEN))

    assert (waiting.account, waiting.value) == ("suspense:unapplied", "l-1")
    assert books.open_groups(OPENED_ON) == ()
    assert _posted(books, "plan:p-d-1:principal", Side.DEBIT) == pounds("66.66")
    found = books.entries(correlation={"line_id": "l-1"})
    assert [entry.journal.flow for entry in found] == ["F36a", "F36b"]


def test_capital_is_paid_in() -> None:
    books = MemoryLedger()

    books.post(bookings.capital_paid_in("2026", "main", pounds("1000.00"), WHEN))

    assert _posted(books, "equity:capital", Side.CREDIT) == pounds("1000.00")


def test_a_purchase_without_a_merchant_has_no_flow() -> None:
    with pytest.raises(PlanFault, match="merchant"):
        bookings.purchase_captured(a_plan(merchant_id=None), WHEN)


@given(parts=st.lists(st.integers(1, 60_00), min_size=1, max_size=20))
def test_the_discount_earned_in_parts_is_the_discount(parts: list[int]) -> None:
    plan = a_plan()
    before, earned = NOTHING, 0
    for number, part in enumerate([*parts, 100_00]):
        after = Money(min(before.minor + part, 100_00), Currency.GBP)
        journal = bookings.discount_earned(plan, before, after, f"c-{number}", WHEN)
        earned += 0 if journal is None else journal.transfers[0].amount.minor
        before = after

    assert earned == 5_00


def test_a_return_gives_back_the_discount_it_had_earned() -> None:
    plan = a_plan()

    journal = bookings.discount_earned(plan, pounds("50.00"), pounds("25.00"), "r-1", WHEN)

    assert journal is not None
    (transfer,) = journal.transfers
    assert (transfer.debit, transfer.credit) == ("inc:discount", "plan:p-d-1:deferred_discount")
    assert transfer.amount == pounds("1.25")
    assert bookings.discount_earned(plan, pounds("50.00"), pounds("50.00"), "r-2", WHEN) is None


def test_something_known_only_by_its_day_counts_from_its_start() -> None:
    when = When.day(date(1996, 2, 12))

    assert (when.value_date, when.occurred_at.isoformat()) == (date(1996, 2, 12), "1996-02-12T00:00:00+00:00")
