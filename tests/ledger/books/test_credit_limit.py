"""An account with a floor falls below it as far as its credit limit, in every store of the books."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest
from psycopg.errors import CheckViolation, IntegrityConstraintViolation

from ledger.books.credit_limit import LimitAlreadySet, LimitAnswer, LimitCode, LimitFault, LimitRefused, LimitSet
from ledger.books.postgres import PostgresLedger
from ledger.books.store import Outcome, Recorded, Refusal, RefusalCode, Refused
from ledger.journal import Journal
from ledger.map.flows import NotOnTheMap
from ledger.money import Currency
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from tests.ledger.builders import NOON, a_claim, a_journal, a_purchase, pounds
from tests.ledger.conftest import Store

PAYABLE = "merchant:m-1:payable"  # owed 95.00 after a purchase
PRINCIPAL = "plan:p-1:principal"


def _set(books: Store, limit: str, account: str = PAYABLE) -> LimitAnswer:
    return books.set_credit_limit(account, pounds(limit), by="ann", reason="agreed", at=NOON)


def _payout(amount: str, key: str = "1") -> Journal:
    return a_journal("F07a", key, amounts={"payout": amount})


def test_an_account_falls_as_far_as_its_limit_and_the_refusal_says_it(store: Store) -> None:
    store.post(a_purchase())

    assert _set(store, "30.00") == LimitSet(PAYABLE, pounds("30.00"))
    assert store.credit_limit(PAYABLE, Currency.GBP) == pounds("30.00")
    answer = store.post(_payout("125.01"))
    assert isinstance(answer, Refused)
    detail = "would fall to -30.01 GBP, holds counted; its credit limit is 30.00 GBP"
    assert answer.reasons == (Refusal(RefusalCode.BEYOND_CREDIT_LIMIT, PAYABLE, detail),)
    assert store.post(_payout("125.00", "2")) == Recorded("F07a:2")


def test_holds_count(store: Store) -> None:
    store.post(a_purchase())
    _set(store, "20.00", PRINCIPAL)

    assert store.hold(a_claim("120.00")) == Recorded("F12a:a-1")
    answer = store.hold(a_claim("0.01", "a-2"))
    assert isinstance(answer, Refused)
    assert [each.code for each in answer.reasons] == [RefusalCode.BEYOND_CREDIT_LIMIT]
    used = _set(store, "19.99", PRINCIPAL)
    assert isinstance(used, LimitRefused)
    assert (used.code, used.least) == (LimitCode.IN_USE, pounds("20.00"))


def test_a_limit_is_not_lowered_below_what_is_used_and_the_least_is_named(store: Store) -> None:
    store.post(a_purchase())
    _set(store, "30.00")
    store.post(_payout("105.00"))

    answer = _set(store, "9.99")

    assert isinstance(answer, LimitRefused)
    assert (answer.code, answer.least) == (LimitCode.IN_USE, pounds("10.00"))
    assert store.credit_limit(PAYABLE, Currency.GBP) == pounds("30.00")
    assert isinstance(_set(store, "10.00"), LimitSet)
    assert isinstance(store.post(_payout("0.01", "2")), Refused)


def test_the_same_limit_again_changes_nothing(store: Store) -> None:
    store.post(a_purchase())

    assert _set(store, "0.00") == LimitAlreadySet(PAYABLE, pounds("0.00"))
    _set(store, "30.00")
    assert _set(store, "30.00") == LimitAlreadySet(PAYABLE, pounds("30.00"))


def test_only_an_account_with_a_floor_that_was_used_is_given_a_limit(store: Store) -> None:
    store.post(a_purchase())

    answers = [_set(store, "1.00", account) for account in ("bank:main", "plan:p-9:principal")]

    assert [each.code for each in answers if isinstance(each, LimitRefused)] == [
        LimitCode.NO_FLOOR,
        LimitCode.NEVER_USED,
    ]
    assert store.credit_limit("plan:p-9:principal", Currency.GBP) == pounds("0.00")
    with pytest.raises(NotOnTheMap):
        _set(store, "1.00", "purse:p-1")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"limit": pounds("-0.01")}, "limit"),
        ({"by": ""}, "by"),
        ({"reason": " "}, "reason"),
        ({"at": NOON.replace(tzinfo=None)}, "zone"),
    ],
)
def test_what_nobody_could_mean_is_a_fault(store: Store, changes: dict[str, Any], named: str) -> None:
    store.post(a_purchase())
    asked: dict[str, Any] = {"limit": pounds("1.00"), "by": "ann", "reason": "agreed", "at": NOON, **changes}

    with pytest.raises(LimitFault, match=named) as raised:
        store.set_credit_limit(PAYABLE, **asked)
    assert raised.value.user_message == str(raised.value)


_ADD = """
INSERT INTO ledger.credit_limits (account_id, number, limit_minor, set_by, reason, set_at)
SELECT account_id, %s, %s, 'eve', 'none', now() FROM ledger.accounts WHERE account = %s
"""


@pytest.mark.parametrize(
    ("number", "minor", "account", "error"),
    [
        (2, 9_99, PAYABLE, CheckViolation),
        (2, -1, PAYABLE, CheckViolation),
        (3, 50_00, PAYABLE, IntegrityConstraintViolation),
        (1, 50_00, "bank:main", IntegrityConstraintViolation),
    ],
)
def test_the_database_keeps_limits_whoever_writes(
    connection: psycopg.Connection[Any], number: int, minor: int, account: str, error: type[Exception]
) -> None:
    books = PostgresLedger(connection)
    books.post(a_purchase())
    _set(books, "30.00")
    books.post(_payout("105.00"))
    books.post(a_journal("F49", amounts={"capital": "1.00"}))
    connection.commit()

    with pytest.raises(error):
        connection.execute(_ADD, (number, minor, account))


def test_a_limit_lowered_while_postings_use_it_is_never_passed(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        PostgresLedger(connection).post(a_purchase())
        _set(PostgresLedger(connection), "100.00")
    start = Barrier(4)

    def pay(key: str) -> list[Outcome]:
        outcomes = []
        with psycopg.connect(database_url) as connection:
            start.wait()
            for each in range(10):
                outcomes.append(PostgresLedger(connection).post(_payout("10.00", f"{key}-{each}")))
                connection.commit()
        return outcomes

    def lower() -> list[LimitAnswer]:
        answers = []
        with psycopg.connect(database_url) as connection:
            start.wait()
            for limit in ("80.00", "40.00", "20.00", "0.00"):
                answers.append(_set(PostgresLedger(connection), limit))
                connection.commit()
        return answers

    with ThreadPoolExecutor(4) as pool:
        paying = [pool.submit(pay, key) for key in ("a", "b", "c")]
        answers = pool.submit(lower).result()
        paid = sum(isinstance(each, Recorded) for one in paying for each in one.result())

    assert all(isinstance(each, LimitSet) or getattr(each, "code", None) is LimitCode.IN_USE for each in answers)
    with psycopg.connect(database_url) as connection:
        limit = PostgresLedger(connection).credit_limit(PAYABLE, Currency.GBP)
        # Every payment that still fitted was taken, and none more.
        assert paid == (95_00 + limit.minor) // 10_00
        assert verify(PostgresAudit(connection)).sound
