"""What lending books beside the events of plans: what is asked for, what the bank and the provider settle, capital."""

from datetime import date

from ledger.account import Side
from ledger.memory import MemoryLedger
from ledger.money import Currency
from lending import bookings
from lending.bookings import Claim, Components, When
from tests.lending.plans import NOON, a_plan, pounds
from tests.lending.servicing import Desk

WHEN = When.moment(NOON)


def _posted(books: MemoryLedger, account: str) -> str:
    return books.balance(account, Currency.GBP).posted(Side.DEBIT).decimal


def test_what_is_asked_for_is_held_and_still_owed() -> None:
    desk, plan = Desk.in_memory(), a_plan("90.00")
    desk.open(plan)
    claim = Claim(plan, plan.instalments[0], "a-1", "card", "sim")

    desk.ledger.hold(bookings.attempt_claimed(claim, Components(pounds("30.00"), pounds("0.00")), WHEN))

    (hold,) = desk.ledger.open_holds()
    assert hold.journal.correlation["attempt_id"] == "a-1"
    principal = desk.ledger.balance("plan:p-d-1:principal", Currency.GBP)
    assert (principal.posted(Side.DEBIT), principal.free(Side.DEBIT)) == (pounds("90.00"), pounds("60.00"))


def test_what_settles_is_on_the_bank_account() -> None:
    books, plan = MemoryLedger(), a_plan("90.00")
    claim = Claim(plan, plan.instalments[0], "a-1", "card", "sim")

    books.post(bookings.capital_paid_in("2026", "main", pounds("1000.00"), WHEN))
    books.post(bookings.unidentified_credit("l-1", "main", pounds("4.00"), WHEN))
    books.post(
        bookings.provider_settled(
            "s-1",
            provider="sim",
            bank="main",
            cash=pounds("29.00"),
            fee=pounds("1.00"),
            correlation=claim.correlation(),
            when=WHEN,
        )
    )
    books.post(bookings.return_debited(claim, "r-1", pounds("30.00"), WHEN, bank="main", line_id="l-2"))

    assert _posted(books, "bank:main") == "1003.00"
    assert _posted(books, "exp:provider_fee") == "1.00"
    assert _posted(books, "rail:card:sim:returns") == "30.00"
    assert _posted(books, "suspense:unapplied") == "-4.00"


def test_something_known_only_by_its_day_counts_from_its_start() -> None:
    when = When.day(date(1996, 2, 12))

    assert (when.value_date, when.occurred_at.isoformat()) == (date(1996, 2, 12), "1996-02-12T00:00:00+00:00")
