"""Impossible requests are refused with a type, and change nothing in the books except the stored answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.books.close_period import close_period
from ledger.books.postgres import PostgresLedger
from ledger.books.postgres_periods import PostgresPeriods
from ledger.books.store import RefusalCode, Refused
from ledger.map.flows import NothingToPost, NotOnTheMap
from ledger.money import LARGEST_MINOR, AmountFault, Currency, CurrencyMismatch, Money
from ledger.transfer import Transfer, TransferFault
from lending.plan.event import ChargedOff, PlanEvent, Refunded
from lending.plan.plan import Plan
from lending.plan.refusal import PlanRefusalCode
from lending.servicing.record_events import EventRefused
from tests.ledger.builders import NOON, a_journal, a_purchase, crowns, pounds
from tests.lending.plans import a_plan
from tests.lending.servicing.servicing import Desk, a_payment, an_event, day

Connection = psycopg.Connection[Any]
SCHEMAS = ("ledger", "lending")
# The stored answer to a request that was refused, and the request itself.
OF_ANSWERS = {"ledger.requests", "ledger.refusals"}


def _bytes_of(connection: Connection) -> dict[str, str]:
    """A digest of every row of every table."""
    tables = connection.execute(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables"
        " WHERE table_schema = ANY(%s) AND table_type = 'BASE TABLE'",
        (list(SCHEMAS),),
    ).fetchall()
    return {
        table: str(
            connection.execute(f"SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM {table} t").fetchone()
        )
        for (table,) in tables
    }


@pytest.fixture
def books(connection: Connection) -> PostgresLedger:
    """A purchase and a large balance, committed."""
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.post(a_journal("F49", "large", amounts={"capital": Money(LARGEST_MINOR - 10, Currency.GBP)}))
    connection.commit()
    return books


IMPOSSIBLE: dict[str, tuple[Callable[[PostgresLedger], object], type[Exception], str]] = {
    "an account that is not on the chart": (
        lambda books: books.post(
            replace(a_purchase(key="x"), transfers=(Transfer("plan:p-1:surprise", "bank:main", pounds("1.00")),))
        ),
        NotOnTheMap,
        "'plan:p-1:surprise' is not on the chart of accounts",
    ),
    "a flow that is not on the map": (lambda books: books.post(a_journal("F99")), NotOnTheMap, "F99"),
    "two currencies on one step": (
        lambda books: books.post(
            a_journal("F02", "x", amounts={"payable": pounds("95.00"), "discount": crowns("5.00")})
        ),
        CurrencyMismatch,
        "GBP",
    ),
    "a zero amount": (
        lambda books: books.post(a_journal("F36a", "x", amounts={"cash": "0.00"})),
        NothingToPost,
        "every amount is zero",
    ),
    "a negative amount": (
        lambda books: books.post(a_journal("F36a", "x", amounts={"cash": Money(-100, Currency.GBP)})),
        NotOnTheMap,
        "negative",
    ),
    "a transfer of nothing": (
        lambda books: books.post(
            replace(a_purchase(key="x"), transfers=(Transfer("bank:a", "bank:b", pounds("0.00")),))
        ),
        TransferFault,
        "not more than zero",
    ),
    "an amount beyond 64 bits": (lambda _: Money(LARGEST_MINOR + 1, Currency.GBP), AmountFault, "64 bits"),
    "a template whose sides differ": (
        lambda books: books.post(
            replace(a_purchase(key="x"), transfers=a_journal("F36a", amounts={"cash": "1.00"}).transfers)
        ),
        NotOnTheMap,
        "F02 has no debit of bank:main",
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be_written_down_raises_and_changes_nothing(
    connection: Connection, books: PostgresLedger, name: str
) -> None:
    act, fault, says = IMPOSSIBLE[name]
    before = _bytes_of(connection)

    with pytest.raises(fault, match=says):
        act(books)

    assert _bytes_of(connection) == before


REFUSED: dict[str, tuple[Callable[[PostgresLedger], object], RefusalCode]] = {
    "below zero": (
        lambda books: books.post(a_journal("F07a", "x", amounts={"payout": "95.01"})),
        RefusalCode.BELOW_ZERO,
    ),
    "overflow": (
        lambda books: books.post(a_journal("F02", "x", amounts={"payable": Money(LARGEST_MINOR, Currency.GBP)})),
        RefusalCode.TOO_LARGE,
    ),
    "a closed period": (
        lambda books: books.post(a_purchase(key="x", value_date=date(2025, 12, 31))),
        RefusalCode.CLOSED_PERIOD,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_books_refuse_leaves_its_answer_and_nothing_else(
    connection: Connection, books: PostgresLedger, name: str
) -> None:
    close_period(PostgresPeriods(connection), date(2025, 12, 31), at=NOON)
    act, code = REFUSED[name]
    before = _bytes_of(connection)

    answer = act(books)

    assert isinstance(answer, Refused)
    assert code in {reason.code for reason in answer.reasons}
    changed = {table for table, digest in _bytes_of(connection).items() if digest != before[table]}
    assert changed == OF_ANSWERS
    assert act(books) == answer, "the same request gets the same answer"


BEYOND: dict[str, tuple[Callable[[Plan], PlanEvent], PlanRefusalCode]] = {
    "an event on a closed plan": (
        lambda plan: an_event(plan, "charge-off", day(70), ChargedOff()),
        PlanRefusalCode.NOT_IN_THIS_STATUS,
    ),
    "a refund beyond the purchase": (
        lambda plan: an_event(plan, "refund", day(70), Refunded("r-1", pounds("100.01"))),
        PlanRefusalCode.BEYOND_THE_PURCHASE,
    ),
    "another currency": (
        lambda plan: an_event(plan, "refund", day(70), Refunded("r-1", crowns("5.00"))),
        PlanRefusalCode.OTHER_CURRENCY,
    ),
    "nothing at all": (
        lambda plan: an_event(plan, "refund", day(70), Refunded("r-1", pounds("0.00"))),
        PlanRefusalCode.NOT_POSITIVE,
    ),
    "before it was opened": (
        lambda plan: an_event(plan, "refund", day(-1), Refunded("r-1", pounds("5.00"))),
        PlanRefusalCode.BEFORE_OPENING,
    ),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_a_plan_refuses_leaves_every_byte_as_it_was(connection: Connection, name: str) -> None:
    desk, plan = Desk.over(connection), a_plan()
    desk.open(plan)
    desk.take(a_payment(plan, "all", day(1), "100.00"))
    connection.commit()
    event, code = BEYOND[name]
    before = _bytes_of(connection)

    [answer] = desk.record(event(plan))

    assert isinstance(answer, EventRefused)
    assert code in {reason.code for reason in answer.reasons}
    assert _bytes_of(connection) == before
