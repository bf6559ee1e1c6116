from datetime import timedelta

import pytest

from ledger.account import Side
from ledger.books.expire import expire_holds
from ledger.books.memory import MemoryLedger
from ledger.money import Currency
from tests.ledger.builders import NOON, a_claim, a_journal, a_purchase, pounds


@pytest.mark.parametrize(("after", "voided"), [(-1, ()), (0, ("F12a:a-1",)), (1, ("F12a:a-1",))])
def test_a_hold_is_voided_from_the_moment_it_runs_out(after: int, voided: tuple[str, ...]) -> None:
    books = MemoryLedger()
    books.post(a_purchase())
    books.hold(a_claim("25.00", "a-1"), expires_at=NOON)
    books.hold(a_claim("25.00", "a-2"))

    assert expire_holds(books, at=NOON + timedelta(seconds=after)).hold_ids == voided

    left = pounds("50.00") if not voided else pounds("75.00")
    assert books.balance("plan:p-1:principal", Currency.GBP).free(Side.DEBIT) == left
    assert expire_holds(books, at=NOON + timedelta(seconds=after)).hold_ids == ()


def test_a_hold_without_an_end_is_never_released_by_time() -> None:
    books = MemoryLedger()
    books.hold(a_journal("F01", amounts={"approved": "100.00"}))

    assert expire_holds(books, at=NOON + timedelta(days=10_000)).hold_ids == ()
