"""The report of a month's end: every tie adds up exactly, and what is open is listed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from ledger.books.close_period import PeriodFault, close_period
from ledger.books.postgres_periods import PostgresPeriods
from lending.plan.when import When
from payments import bookings
from payments.break_desk.month_end import MonthEnd, month_end
from payments.break_desk.postgres_month_end import PostgresMonthEnd
from payments.collection.opening import must_hold
from payments.rail_profile import load_profile
from payments.wiring import Adapters
from tests.payments.break_desk.desk import act, done, with_people
from tests.payments.outside import reconciled
from tests.payments.plans import pounds, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import DAY, settled, stated

MARCH, APRIL = date(2026, 3, 31), date(2026, 4, 30)


def at_end(ports: Adapters, through: date) -> MonthEnd:
    return month_end(through, PostgresMonthEnd(cast("Any", ports.database), load_profile()))


def test_the_ties_of_a_month_add_up_with_everything_that_is_open(database_url: str, tmp_path: Path) -> None:
    lines = [(119_52, "po-1"), (7_00, "thanks"), (-3_00, "charge")]
    with the_adapters(database_url) as ports:
        with_people(ports)
        reconciled(ports, [stated(tmp_path / "1.csv", *lines, by="sandbox")], DAY, loudly=False)
        report = at_end(ports, MARCH)
        (cash,) = report.cash
        assert (cash.statement, cash.books, cash.not_booked, cash.unexplained) == tuple(
            map(pounds, (123_52, 4_00 - 7_00, 126_52, 0))
        )
        assert report.ties
        assert report.by_class() == {"E2": {"6-30": 2}, "E4": {"6-30": 1}}
        assert {each.account: each.balance for each in report.clearing} == {"suspense:debits": pounds(3_00)}

        reconciled(ports, [settled(tmp_path / "p.csv", ("capture", 122_00), ("fee", -2_48))], DAY)
        done(act(ports, APRIL, "write-off", "line:debit:main/2026-1/0003", key="w-1"))
        after = at_end(ports, MARCH)
        assert after.ties
        charge = "line:debit:main/2026-1/0003"
        assert [each.age_days for each in after.exceptions if each.break_id == charge] == [21]
        assert charge not in {each.break_id for each in at_end(ports, APRIL).exceptions}


def test_late_items_and_statements_over_the_months_end_are_in_the_tie(database_url: str, tmp_path: Path) -> None:
    """A statement of April with a movement of March, and one of March whose month was closed before it came."""
    with the_adapters(database_url) as ports:
        reconciled(ports, [stated(tmp_path / "1.csv", (7_00, "thanks"))], DAY)
        early = at_end(ports, DAY - timedelta(days=1))
        assert (early.ties, early.cash[0].statement) == (True, pounds(0))
        with psycopg.connect(database_url) as other:
            close_period(PostgresPeriods(other), MARCH, at=datetime(2026, 4, 2, tzinfo=UTC))
        reconciled(ports, [stated(tmp_path / "2.csv", (9_00, "late"), number=2, opening=7_00)], DAY)
        report = at_end(ports, MARCH)
        (cash,) = report.cash
        assert (cash.statement, cash.books, cash.booked_later, cash.unexplained) == tuple(
            map(pounds, (16_00, 7_00, 9_00, 0))
        )
        assert at_end(ports, APRIL).cash[0].books == pounds(16_00)


def test_books_that_no_statement_explains_are_not_closed(database_url: str, tmp_path: Path) -> None:
    with the_adapters(database_url) as ports, psycopg.connect(database_url) as other:
        reconciled(ports, [stated(tmp_path / "1.csv", (7_00, "thanks"))], DAY)
        journal = bookings.capital_paid_in("owners", "main", pounds(50_00), When.day(DAY))
        with ports.transaction():
            must_hold(ports.ledger.post(journal), journal.entry_id)
        assert reconciled(ports, [], DAY).banks_unequal == 1

        report = at_end(ports, MARCH)
        assert (report.ties, report.cash[0].unexplained, len(report.objections)) == (False, pounds(-50_00), 1)
        other.execute("SET ROLE tranche_application")
        with pytest.raises(PeriodFault, match=r"E26 is open: main: statement 1 closes with 7\.00 GBP"):
            close_period(PostgresPeriods(other), MARCH, at=datetime(2026, 4, 2, tzinfo=UTC))
        assert replace(report, objections=()).ties is False
        reversed_ = {"occurred_at": When.day(DAY).occurred_at, "recorded_at": When.day(DAY).recorded_at}
        with ports.transaction():
            ports.ledger.reverse(journal.entry_id, value_date=DAY, reason="paid to another bank", **reversed_)
        reconciled(ports, [], DAY)
        assert close_period(PostgresPeriods(other), MARCH, at=datetime(2026, 4, 2, tzinfo=UTC)).through == MARCH
