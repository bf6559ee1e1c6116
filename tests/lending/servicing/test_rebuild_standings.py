"""Stored states of plans follow from their events and agree with the books; a changed row is named and repaired."""

from typing import Any

import psycopg
import pytest

from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from lending.servicing.postgres import PostgresPlans
from lending.servicing.rebuild_standings import RebuiltStandings, rebuild_standings
from tests.command_line import acts_of
from tests.lending.plans import a_plan
from tests.lending.servicing.servicing import Desk, a_payment, day

main = acts_of("lending")

Connection = psycopg.Connection[Any]

PLAN = a_plan("1000.00", months=6, rate=1200)


@pytest.fixture
def desk(connection: Connection) -> Desk:
    desk = Desk.over(connection)
    desk.open(PLAN)
    desk.take(a_payment(PLAN, "x-1", day(50), "174.00"))
    connection.commit()
    return desk


def _rebuilt(desk: Desk, connection: Connection) -> RebuiltStandings:
    return rebuild_standings(PostgresPlans(connection), terms=lambda _: desk.terms, commit=connection.commit)


def _corrupt(connection: Connection, statement: str) -> None:
    connection.execute("SET session_replication_role = replica")
    connection.execute(statement)
    connection.execute("SET session_replication_role = origin")
    connection.commit()


def test_sound_plans_have_nothing_to_mend_and_verify_is_silent(desk: Desk, connection: Connection) -> None:
    assert _rebuilt(desk, connection) == RebuiltStandings(1, ())
    assert verify(PostgresAudit(connection)).faults == ()


@pytest.mark.parametrize(
    ("statement", "field", "check"),
    [
        ("UPDATE lending.plan_standing SET principal_minor = principal_minor + 1", "principal", "plan"),
        ("UPDATE lending.plan_standing SET interest_minor = interest_minor + 1", "interest", "plan"),
        (
            "UPDATE lending.instalment_standing SET open_principal_minor = open_principal_minor - 1 WHERE number = 3",
            f"{PLAN.plan_id}/3",
            "instalments",
        ),
        ("DELETE FROM lending.instalment_standing WHERE number = 4", f"{PLAN.plan_id}/4", "instalments"),
        ("UPDATE lending.plan_standing SET bucket = 'lost'", "bucket", None),
    ],
)
def test_a_changed_row_is_named_and_mended(
    desk: Desk, connection: Connection, statement: str, field: str, check: str | None
) -> None:
    before = desk.standing(PLAN)
    _corrupt(connection, statement)

    found = {fault.check for fault in verify(PostgresAudit(connection)).faults}
    connection.rollback()
    report = _rebuilt(desk, connection)

    assert check is None or check in found
    assert [each.field for each in report.differed] == [field]
    assert desk.standing(PLAN) == before
    assert _rebuilt(desk, connection).differed == ()


def test_the_command_says_what_differed(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk.over(connection)
    desk.open(PLAN)
    _corrupt(connection, "UPDATE lending.plan_standing SET status = 'paid'")
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)

    assert main(["rebuild"]) == 1
    assert f"{PLAN.plan_id}: status was paid, its events make it open" in capsys.readouterr().out
    assert main(["rebuild"]) == 0
