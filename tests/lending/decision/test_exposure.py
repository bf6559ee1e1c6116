"""What a shopper owes at a moment, also at one that is past for their plans."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg

from ledger.money import Money
from lending.decision.exposure import Exposure
from lending.decision.postgres import PostgresDecisions
from tests.lending.applicants import an_order
from tests.lending.plans import a_plan, pounds
from tests.lending.servicing.servicing import Desk, a_payment, day

Connection = psycopg.Connection[Any]


def _exposure(connection: Connection, days: int) -> Exposure:
    """At one in the afternoon: what happened at noon of the day counts."""
    at = datetime.combine(day(days), time(13), UTC)
    return PostgresDecisions(connection).open(an_order(shopper_id="s-1"), at).exposure


def test_it_is_what_plans_leave_open_and_what_of_it_falls_due_within_a_month(connection: Connection) -> None:
    desk = Desk.over(connection)
    one, other = a_plan("90.00"), a_plan("60.00", plan_id="p-d-2", decision_id="d-2", order_id="o-2")
    desk.open(one, other)
    desk.take(a_payment(one, "x-1", day(0), "30.00"), a_payment(one, "x-2", day(20), "30.00"))

    assert _exposure(connection, 20) == Exposure(pounds("90.00"), pounds("0.00"), pounds("40.00"))


def test_what_happened_later_does_not_count_yet(connection: Connection) -> None:
    desk = Desk.over(connection)
    one = a_plan("90.00")
    later = a_plan("60.00", plan_id="p-d-2", decision_id="d-2", order_id="o-2", opened_on=day(15))
    desk.open(one, later)
    desk.take(a_payment(one, "x-1", day(0), "30.00"), a_payment(one, "x-2", day(20), "30.00"))

    assert _exposure(connection, 10) == Exposure(pounds("60.00"), pounds("0.00"), pounds("30.00"))
    assert _exposure(connection, 0).outstanding == pounds("60.00")


def test_a_month_ends_where_the_order_is_placed(connection: Connection) -> None:
    """In summer a day begins in London at 23:00 in UTC, and the due of 31 days later is then within the 30 days."""
    plan = a_plan("600.00", months=6)
    Desk.over(connection).open(plan)
    in_summer = next(each for each in plan.instalments if each.due_on >= date(2026, 5, 1))
    day_before = in_summer.due_on - timedelta(days=31)

    def monthly(hour: int) -> Money:
        at = datetime.combine(day_before, time(hour, 30), UTC)
        return PostgresDecisions(connection).open(an_order(shopper_id="s-1"), at).exposure.monthly

    assert monthly(23) - monthly(22) == in_summer.amount
