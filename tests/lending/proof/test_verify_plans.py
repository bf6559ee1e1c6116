# ruff: noqa: E501 - statements that tamper read best in one line
"""What is stored of a plan is compared with the fold of its events, and every difference is named; nothing is written."""

from datetime import UTC, datetime, time
from typing import Any

import psycopg
import pytest

from lending.proof.postgres_verify import PostgresStoredPlans
from lending.proof.verify_plans import FoldedPlans, verify_plans
from lending.servicing.close_of_business import close_of_business
from lending.servicing.postgres_close import PostgresBusinessDates
from tests.lending.plans import a_plan
from tests.lending.servicing.servicing import Desk, a_payment, day

Connection = psycopg.Connection[Any]
PLAN, OTHER = a_plan("1000.00", months=6, rate=1200), a_plan("90.00", plan_id="p-2", decision_id="d-2", order_id="o-2")


@pytest.fixture
def desk(connection: Connection) -> Desk:
    """A plan with thirty payments, so that it has a checkpoint, one of them corrected by late news; and another plan."""
    desk = Desk.over(connection)
    desk.open(PLAN, OTHER)
    for number in range(30):
        desk.take(a_payment(PLAN, f"x-{number}", day(40 + number), "2.00"))
    known = datetime.combine(day(80), time(9), UTC)
    desk.take(a_payment(PLAN, "late", day(20), "3.00", recorded_at=known))
    for number in range(30, 50):
        desk.take(a_payment(PLAN, f"x-{number}", day(50 + number), "2.00"))
    close_of_business(
        day(102),
        plans=desk.plans,
        dates=PostgresBusinessDates(connection),
        ledger=desk.ledger,
        terms=lambda _: desk.terms,
        at=datetime.combine(day(103), time(1), UTC),
        commit=lambda: None,
    )
    connection.commit()
    assert _verified(desk, connection) == FoldedPlans(2, 53, ())
    return desk


def _verified(desk: Desk, connection: Connection) -> FoldedPlans:
    return verify_plans(PostgresStoredPlans(connection), terms=lambda _: desk.terms, chunk=1)


PAYMENT = '(SELECT position FROM ledger.requests WHERE entry_id = (SELECT min(entry_id) FROM ledger.requests WHERE correlation @> \'{"payment_id": "x-45"}\'))'
TAMPERED = [
    ("UPDATE lending.plan_standing SET bucket = 'lost' WHERE plan_id = 'p-2'", "standing", "plan p-2", "bucket is lost"),
    ("UPDATE lending.plan_standing SET days_past_due = 77 WHERE plan_id = 'p-2'", "standing", "plan p-2", "days_past_due is 77"),
    ("UPDATE lending.plan_standing SET version = 9 WHERE plan_id = 'p-2'", "standing", "plan p-2", "version is 9, its events make it 1"),
    ("DELETE FROM lending.plan_standing WHERE plan_id = 'p-2'", "standing", "plan p-2", "has no standing"),
    ("UPDATE lending.instalment_standing SET open_interest_minor = 1 WHERE instalment_id = 'p-2/1'", "standing", "plan p-2", "p-2/1 is"),
    ("DELETE FROM lending.plan_events WHERE event_id = 'opened:p-2'", "standing", "plan p-2", "has none of its 1 events"),
    ("DELETE FROM lending.plan_events WHERE event_id = 'paid:x-49'", "standing", "plan p-d-1", "version is 52, its events make it 51"),
    ("UPDATE lending.plan_events SET body = jsonb_set(body, '{amount,minor}', '300') WHERE event_id = 'paid:x-49'", "standing", "plan p-d-1", "principal is"),
    ("UPDATE lending.plan_events SET body = '{}' WHERE event_id = 'paid:x-49'", "plan", "plan p-d-1", "cannot be folded"),
    ("UPDATE lending.fold_checkpoints SET events = events - 1", "checkpoint", "plan p-d-1", "make it otherwise"),
    ("UPDATE lending.fold_checkpoints SET state = 'x'", "checkpoint", "plan p-d-1", "cannot be read"),
    ("UPDATE lending.fold_checkpoints SET state = regexp_replace(state, '\"minor\":[0-9]+|,200,', ',201,')", "checkpoint", "plan p-d-1", ""),
    ("UPDATE lending.fold_checkpoints SET position = position - 1", "checkpoint", "plan p-d-1", "make it otherwise: position"),
    ("UPDATE lending.corrected_bookings SET stands = NOT stands", "booking", "plan p-d-1", ""),
    ("UPDATE ledger.requests SET value_date = value_date - 1 WHERE entry_id LIKE 'F02:%o-2%'", "booking", "plan p-2", "is valued"),
    ("UPDATE ledger.transfers SET amount_minor = amount_minor + 1 WHERE position = (SELECT position FROM ledger.requests WHERE entry_id LIKE 'F02:%o-2%')", "booking", "plan p-2", "its events say"),
    ("DELETE FROM ledger.requests WHERE entry_id LIKE 'F02:%o-2%'", "booking", "plan p-2", "is not posted"),
]  # fmt: skip


def test_whatever_is_stored_of_a_plan_and_changed_is_named(desk: Desk, connection: Connection) -> None:
    missed = {}
    for statement, check, where, detail in TAMPERED:
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL session_replication_role = replica")
            assert connection.execute(statement.encode()).rowcount >= 1, statement
            found = _verified(desk, connection).faults
        if not any((each.check, each.where) == (check, where) and detail in each.detail for each in found):
            missed[statement] = found

    assert missed == {}
