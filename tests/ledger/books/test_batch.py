"""A batch of every kind of request gives each its own answer, and a preview gives the same without writing."""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest

from ledger.account import Side
from ledger.books.memory import MemoryLedger
from ledger.books.postgres import PostgresLedger
from ledger.books.store import (
    Act,
    AlreadyRecorded,
    AlreadyVoided,
    Asked,
    Conflict,
    Recorded,
    Refused,
    Request,
    Reversal,
    UnknownHold,
    Void,
    Voided,
)
from ledger.money import Currency, Money
from tests.ledger.builders import DAY, NOON, a_claim, a_journal, a_purchase, pounds, presumed_paid
from tests.ledger.conftest import Store

Connection = psycopg.Connection[Any]


def _mixed() -> list[Asked]:
    return [
        Request(Act.POST, a_purchase()),
        Request(Act.HOLD, a_claim("25.00", "a-1"), expires_at=NOON.replace(hour=23)),
        Request(Act.HOLD, a_claim("99.00", "a-2")),
        Request(Act.POST_HOLD, presumed_paid("10.00", "a-1"), hold_id="F12a:a-1"),
        Void("F12a:a-1", NOON, "the rest is not needed"),
        Void("F12a:a-1", NOON, "again"),
        Request(Act.POST, a_journal("F03", "a-3", amounts={"principal": "90.00"})),
        Request(Act.POST, a_journal("F03", "a-4", amounts={"principal": "0.01"})),
        Reversal("F03:a-3", DAY, NOON, NOON, "bounced"),
        Request(Act.POST, a_purchase()),
    ]


def test_a_mixed_batch_is_the_same_as_one_request_after_the_other(store: Store) -> None:
    answers = store.post_batch(_mixed())

    assert [type(answer) for answer in answers] == [
        Recorded,
        Recorded,
        Refused,
        Recorded,
        Voided,
        AlreadyVoided,
        Recorded,
        Refused,
        Recorded,
        AlreadyRecorded,
    ]
    principal = store.balance("plan:p-1:principal", Currency.GBP)
    assert (principal.free_minor(Side.DEBIT), principal.credits_pending) == (90_00, 0)
    assert store.open_holds() == ()
    again = store.post_batch(_mixed())
    assert [type(answer) for answer in again] == [
        AlreadyRecorded,
        AlreadyRecorded,
        Refused,
        AlreadyRecorded,
        AlreadyVoided,
        AlreadyVoided,
        AlreadyRecorded,
        Refused,
        AlreadyRecorded,
        AlreadyRecorded,
    ]
    assert (again[2], again[7]) == (answers[2], answers[7])


def test_a_batch_and_single_requests_leave_the_same_books(store: Store) -> None:
    one_by_one = MemoryLedger()

    answers = [one_by_one.post_batch([request])[0] for request in _mixed()]

    assert store.post_batch(_mixed()) == tuple(answers)
    assert one_by_one.balances() == store.balances()
    assert [each.journal for each in one_by_one.entries(correlation={})] == [
        each.journal for each in store.entries(correlation={})
    ]


def test_a_preview_answers_as_the_batch_would_and_writes_nothing(store: Store) -> None:
    store.post(a_purchase(key="before"))
    before = (store.balances(), store.entries(correlation={}), store.open_holds())

    foreseen = store.preview(_mixed())

    assert (store.balances(), store.entries(correlation={}), store.open_holds()) == before
    assert store.post_batch(_mixed()) == foreseen


@pytest.mark.parametrize(
    ("broken", "raised"),
    [
        ([Request(Act.POST, a_purchase(key="n")), Void("F12a:never", NOON, "x")], UnknownHold),
        ([Request(Act.POST, a_purchase(key="n")), Request(Act.POST, a_purchase("1.00", key="before"))], Conflict),
    ],
)
def test_a_preview_fails_as_the_batch_would_and_neither_writes(
    store: Store, broken: Sequence[Asked], raised: type[Exception]
) -> None:
    store.post(a_purchase(key="before"))
    before = store.balances()

    tries: list[Callable[[Sequence[Asked]], object]] = [store.preview, store.post_batch]
    for attempt in tries:
        with pytest.raises(raised):
            attempt(broken)
        assert store.balances() == before
        assert store.entry("F02:n") is None


def test_a_refusal_leaves_every_table_as_it_was_but_for_its_answer(connection: Connection) -> None:
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.hold(a_claim("10.00"))

    def content() -> dict[str, object]:
        tables = ("accounts", "transfers", "hold_events", "balances", "open_holds", "large_accounts", "outbox")
        return {name: connection.execute(f"SELECT * FROM ledger.{name} t ORDER BY t").fetchall() for name in tables}

    before = content()
    unheard_of = {"plan": "p-new", "provider": "new"}
    assert isinstance(books.post(a_journal("F03", "x", names=unheard_of, amounts={"principal": "1.00"})), Refused)
    assert isinstance(books.hold(a_claim("90.01", "x")), Refused)
    answers = books.post_batch(
        [Request(Act.POST, a_journal("F03", f"y{n}", names=unheard_of, amounts={"principal": "1.00"})) for n in "12"]
    )
    assert all(isinstance(answer, Refused) for answer in answers)

    assert content() == before


def test_several_parts_of_a_hold_add_up(store: Store) -> None:
    store.post(a_purchase())
    store.hold(a_claim("25.00"))

    for number, part in enumerate(("10.00", "7.00", "8.00"), 1):
        assert store.post_hold("F12a:a-1", presumed_paid(part, f"part-{number}")) == Recorded(f"F12b:part-{number}")

    assert isinstance(store.post_hold("F12a:a-1", presumed_paid("0.01", "part-4")), Refused)
    assert store.balance("plan:p-1:principal", Currency.GBP).posted(Side.DEBIT) == pounds("75.00")


def test_a_journal_in_two_currencies_balances_in_each_and_takes_no_part_of_the_other(store: Store) -> None:
    crowns = Money(2800_00, Currency.CZK)
    bought = a_journal("F40", amounts={"converted": "94.00", "discount": "5.00", "spread": "1.00", "payable": crowns})

    assert store.post(bought) == Recorded("F40:1")

    totals = store.trial_balance().totals()
    assert totals[Currency.GBP] == (pounds("100.00"), pounds("100.00"))
    assert totals[Currency.CZK] == (crowns, crowns)
    assert store.balance("fx:GBP", Currency.GBP).credits_posted == 94_00
    assert store.balance("inc:fx", Currency.GBP).credits_posted == 1_00
