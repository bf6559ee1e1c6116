"""One behaviour suite over every adapter of the payments of refunds."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from ledger.books.store import Conflict
from ledger.money import Currency, Money
from payments.ids import RefundPaymentId
from payments.refunds.memory import MemoryRefundPayments
from payments.refunds.postgres import PostgresRefundPayments
from payments.refunds.refund_payment import (
    IllegalRefundMove,
    RefundPayment,
    RefundPaymentEvent,
    RefundPaymentState,
    Way,
    payment_id_of,
)
from payments.refunds.refund_payments import RefundPayments
from tests.payments.plans import NOON, pounds

DAY = date(2026, 3, 3)
FIRST = payment_id_of("r-1", 1)


@pytest.fixture(params=["memory", "postgres"])
def refunds(request: pytest.FixtureRequest) -> Iterator[RefundPayments]:
    if request.param == "memory":
        yield MemoryRefundPayments()
        return
    connection: psycopg.Connection[Any] = request.getfixturevalue("connection")
    yield PostgresRefundPayments(connection)
    connection.rollback()


def payment(number: int = 1, *, refund: str = "r-1", way: Way = Way.PROVIDER, **other: Any) -> RefundPayment:
    made = RefundPayment(
        payment_id=payment_id_of(refund, number),
        refund_id=refund,
        number=number,
        plan_id="p-1",
        shopper_id="s-1",
        account_id="a-1",
        way=way,
        amount=pounds(10_00),
        requested_on=DAY,
    )
    return replace(made, **other)


def moved(refunds: RefundPayments, *events: RefundPaymentEvent, payment_id: RefundPaymentId = FIRST) -> None:
    for event in events:
        refunds.move(payment_id, event, at=NOON, cause="test")


def test_a_payment_reads_back_as_it_was_claimed(refunds: RefundPayments) -> None:
    assert refunds.claim(payment()) is True
    assert refunds.get(FIRST) == payment()
    assert refunds.get(FIRST, lock=True) == payment()
    assert refunds.get(payment_id_of("r-9", 1)) is None
    assert refunds.get_all([FIRST, payment_id_of("r-9", 1)]) == {FIRST: payment()}


def test_claiming_a_payment_again_keeps_nothing_new_whatever_amount_another_worker_saw(
    refunds: RefundPayments,
) -> None:
    refunds.claim(payment())

    assert refunds.claim(payment()) is False
    assert refunds.claim(payment(amount=pounds(9_00))) is False
    assert refunds.get(FIRST) == payment()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"refund_id": "r-2"}, "refund_id"),
        ({"number": 2}, "number"),
        ({"plan_id": "p-2"}, "plan_id"),
        ({"shopper_id": "s-2"}, "shopper_id"),
        ({"account_id": "a-2"}, "account_id"),
        ({"way": Way.BANK}, "way"),
        ({"amount": Money(10_00, Currency.EUR)}, "currency"),
    ],
)
def test_another_payment_under_a_known_id_is_a_conflict_that_names_the_field(
    refunds: RefundPayments, change: dict[str, Any], field: str
) -> None:
    refunds.claim(payment())

    with pytest.raises(Conflict, match=f"{FIRST} is recorded with another {field}"):
        refunds.claim(payment(payment_id=FIRST, **change))


@pytest.mark.parametrize(
    "last", [RefundPaymentEvent.REFUSED, RefundPaymentEvent.CONFIRMED], ids=["refused", "paid and brought back"]
)
def test_a_refund_is_paid_again_only_when_the_payment_before_has_failed(
    refunds: RefundPayments, last: RefundPaymentEvent
) -> None:
    refunds.claim(payment())
    again = payment(2, way=Way.BANK)

    assert refunds.claim(again) is False
    moved(refunds, RefundPaymentEvent.REQUEST_WRITTEN, last)
    if last is RefundPaymentEvent.CONFIRMED:
        assert refunds.claim(again) is False, "it was paid"
        moved(refunds, RefundPaymentEvent.BROUGHT_BACK)
    assert refunds.claim(again) is True
    assert refunds.latest(["r-1", "r-9"]) == {"r-1": again}


def test_the_time_of_the_request_is_kept_with_the_payment(refunds: RefundPayments) -> None:
    refunds.claim(payment())

    assert (
        refunds.move(FIRST, RefundPaymentEvent.REQUEST_WRITTEN, at=NOON, cause="test") is RefundPaymentState.SUBMITTING
    )
    assert (
        refunds.move(FIRST, RefundPaymentEvent.NO_ANSWER, at=NOON + timedelta(hours=1), cause="test")
        is RefundPaymentState.UNKNOWN
    )
    assert refunds.get(FIRST) == payment(state=RefundPaymentState.UNKNOWN, submitted_at=NOON)


def test_a_move_that_is_not_in_the_table_leaves_the_payment_as_it_was(refunds: RefundPayments) -> None:
    refunds.claim(payment())

    with pytest.raises(IllegalRefundMove, match=f"{FIRST} is claimed: confirmed cannot happen to it"):
        moved(refunds, RefundPaymentEvent.CONFIRMED)

    assert refunds.get(FIRST) == payment()


def test_a_payment_by_the_provider_without_a_final_answer_is_unresolved(refunds: RefundPayments) -> None:
    for each in (
        payment(refund="r-2"),
        payment(refund="r-1"),
        payment(refund="r-3"),
        payment(refund="r-4", way=Way.BANK),
    ):
        refunds.claim(each)
    moved(refunds, RefundPaymentEvent.REQUEST_WRITTEN, RefundPaymentEvent.CONFIRMED, payment_id=payment_id_of("r-3", 1))

    assert [each.payment_id for each in refunds.unresolved()] == ["r-1#1", "r-2#1"]


def test_the_banks_payments_are_those_of_the_day(refunds: RefundPayments) -> None:
    for each in (
        payment(refund="r-2", way=Way.BANK),
        payment(refund="r-1", way=Way.BANK),
        payment(refund="r-3"),
        payment(refund="r-4", way=Way.BANK, requested_on=date(2026, 3, 4)),
    ):
        refunds.claim(each)

    assert [each.payment_id for each in refunds.by_bank(DAY)] == ["r-1#1", "r-2#1"]


def test_a_payment_is_found_by_the_reference_under_which_the_provider_confirmed_it(refunds: RefundPayments) -> None:
    refunds.claim(payment())
    moved(refunds, RefundPaymentEvent.REQUEST_WRITTEN)
    refunds.move(FIRST, RefundPaymentEvent.CONFIRMED, at=NOON, cause="RF1")

    assert refunds.by_references(["RF1", "RF2", "test"]) == {"RF1": FIRST}
