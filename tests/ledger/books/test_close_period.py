"""A closed period takes nothing any more and its result is in equity, in every store of the books."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.errors import IntegrityConstraintViolation

from ledger.books.close_period import PeriodFault, close_period
from ledger.books.memory import MemoryLedger
from ledger.books.postgres import PostgresLedger
from ledger.books.postgres_periods import PostgresPeriods
from ledger.books.store import Recorded, RefusalCode, Refused, Voided
from ledger.journal import Journal
from ledger.money import Currency, Money
from tests.ledger.builders import DAY, NOON, a_claim, a_journal, a_purchase, presumed_paid

Connection = psycopg.Connection[Any]
MONTH_END = date(2026, 1, 31)
LATER = datetime(2026, 2, 3, 9, tzinfo=UTC)
Store = MemoryLedger | PostgresPeriods


@pytest.fixture(params=["memory", "postgres"])
def books(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    connection: Connection = request.getfixturevalue("connection")
    connection.execute("SET ROLE tranche_application")
    connection.commit()
    yield PostgresPeriods(connection)


def _earned(amount: str = "5.00", key: str = "e-1", **changes: Any) -> Journal:
    return a_journal("F05", key, amounts={"earned": amount}, **changes)


def test_income_and_expense_move_to_equity_once(books: Store) -> None:
    books.post(a_purchase())
    books.post(_earned("3.00"))
    books.post(_earned("2.00", "e-2", value_date=MONTH_END + timedelta(days=1)))

    closed = close_period(books, MONTH_END, at=LATER)

    assert closed.entry_ids == ("F44:2026-01-31/GBP",)
    at_month_end = {line.account: line.amount.minor for line in books.trial_balance(MONTH_END).lines}
    assert "inc:discount" not in at_month_end
    assert at_month_end["equity:retained"] == 3_00
    assert {line.account: line.amount.minor for line in books.trial_balance().lines}["inc:discount"] == 2_00
    assert books.trial_balance().balanced
    assert close_period(books, MONTH_END, at=LATER + timedelta(days=1)).entry_ids == ()
    assert books.closed_through() == MONTH_END


def test_each_currency_has_a_closing_of_its_own(books: Store) -> None:
    crowns = {"payable": Money(95_00, Currency.CZK), "discount": Money(5_00, Currency.CZK)}
    books.post(a_journal("F02", "czk", amounts=crowns))
    books.post(a_journal("F05", "czk", amounts={"earned": Money(5_00, Currency.CZK)}))
    books.post(a_purchase())
    books.post(_earned())

    assert set(close_period(books, MONTH_END, at=LATER).entry_ids) == {"F44:2026-01-31/GBP", "F44:2026-01-31/CZK"}
    assert books.trial_balance().balanced


def test_nothing_is_valued_in_a_closed_period(books: Store) -> None:
    books.post(a_purchase())
    books.hold(a_claim())
    close_period(books, MONTH_END, at=LATER)

    refused = [
        books.post(a_purchase(key="late", value_date=MONTH_END)),
        books.hold(a_claim(key="late", value_date=DAY)),
        books.post_hold("F12a:a-1", presumed_paid()),
        books.reverse("F02:o-1", value_date=MONTH_END, occurred_at=NOON, recorded_at=LATER, reason="late"),
    ]
    for answer in refused:
        assert isinstance(answer, Refused)
        assert RefusalCode.CLOSED_PERIOD in {reason.code for reason in answer.reasons}
    late = a_purchase(key="moved", value_date=LATER.date(), original_date=DAY)
    assert books.post(late) == Recorded("F02:moved")
    assert books.entry("F02:moved").journal.original_date == DAY  # type: ignore[union-attr]
    assert books.void_hold("F12a:a-1", at=NOON, reason="late") == Voided("F12a:a-1")


def test_a_period_that_has_not_ended_is_not_closed(books: Store) -> None:
    with pytest.raises(PeriodFault, match="has not ended"):
        close_period(books, LATER.date(), at=LATER)
    assert books.closed_through() is None


def test_the_result_waits_for_a_writer_who_did_not_see_the_announcement_and_nobody_waits_for_it(
    database_url: str, connection: Connection
) -> None:
    other_plan = {"plan": "p-2"}  # a row of its own: what is tested is who waits for the period, not for the plan
    with psycopg.connect(database_url) as setup:
        PostgresLedger(setup).post(a_purchase())
        PostgresLedger(setup).post(a_purchase(key="o-2", names=other_plan))
        PostgresLedger(setup).post(_earned("0.50", "before", names=other_plan))  # who opens an account is waited for
    PostgresLedger(connection).post(_earned("3.00"))  # at work: not committed
    with psycopg.connect(database_url) as closing, pytest.raises(PeriodFault, match="older transactions still run"):
        close_period(PostgresPeriods(closing, patience_s=0), MONTH_END, at=LATER)
    with psycopg.connect(database_url) as other:
        assert isinstance(PostgresLedger(other).post(_earned("1.00", "new", names=other_plan)), Refused)
        assert PostgresLedger(other).post(
            _earned("1.00", "open", names=other_plan, value_date=LATER.date())
        ) == Recorded("F05:open")

    found: list[object] = []

    def close() -> None:
        with psycopg.connect(database_url) as closing:
            found.append(close_period(PostgresPeriods(closing), MONTH_END, at=LATER))

    waiting = threading.Thread(target=close)
    waiting.start()
    connection.commit()
    waiting.join(timeout=60)

    assert [each.entry_ids for each in found] == [("F44:2026-01-31/GBP",)]  # type: ignore[attr-defined]
    with psycopg.connect(database_url) as reading:
        lines = {line.account: line.amount.minor for line in PostgresLedger(reading).trial_balance(MONTH_END).lines}
    assert lines["equity:retained"] == 3_50
    assert "inc:discount" not in lines


def test_the_database_refuses_a_posting_into_a_closed_period(connection: Connection) -> None:
    PostgresLedger(connection).post(a_purchase())
    connection.execute("INSERT INTO ledger.periods (through, closed_at) VALUES (%s, %s)", (MONTH_END, LATER))
    connection.execute(
        """
        INSERT INTO ledger.requests (position, act, flow, template_version, value_date, occurred_at, recorded_at,
                                     correlation, transfer_count, entry_id, reason, digest)
        SELECT nextval('ledger.positions'), act, flow, template_version, value_date, occurred_at, recorded_at,
               correlation, 1, 'by-hand', reason, digest FROM ledger.requests
        """
    )

    with pytest.raises(IntegrityConstraintViolation, match="open period"):
        connection.execute(
            """
            INSERT INTO ledger.transfers (position, number, debit, credit, amount_minor, pending, debit_version,
                                          credit_version)
            SELECT r.position, 1, t.debit, t.credit, 1, false, 3, 2
              FROM ledger.requests r, ledger.transfers t WHERE r.entry_id = 'by-hand' AND t.number = 1
            """
        )
