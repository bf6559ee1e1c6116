"""Stored states of plans follow from their events and agree with the books; a changed row is named and repaired."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from ledger.commands.accept import AcceptFault
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import Principal, hash_of_key
from ledger.proof.accepted import Acceptance
from ledger.proof.postgres_accepted import PostgresAcceptedDifferences, listed_differences
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from lending.proof.rebuild_standings import RebuiltStandings, rebuild_standings
from lending.servicing.postgres import PostgresPlans
from tests.command_line import acts_of
from tests.lending.plans import a_plan
from tests.lending.servicing.servicing import Desk, a_payment, day

main = acts_of("lending")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

Connection = psycopg.Connection[Any]

PLAN = a_plan("1000.00", months=6, rate=1200)


@pytest.fixture
def desk(connection: Connection) -> Desk:
    desk = Desk.over(connection)
    desk.open(PLAN)
    desk.take(a_payment(PLAN, "x-1", day(50), "174.00"))
    connection.commit()
    return desk


def _rebuilt(desk: Desk, connection: Connection, *, accept: bool = False) -> RebuiltStandings:
    return rebuild_standings(
        PostgresPlans(connection),
        terms=lambda _: desk.terms,
        commit=connection.commit,
        accepted=PostgresAcceptedDifferences(connection, Acceptance("local", "mended", NOON)) if accept else None,
    )


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
    named = _rebuilt(desk, connection)
    assert desk.standing(PLAN) != before, "nothing is written that nobody accepts"
    report = _rebuilt(desk, connection, accept=True)

    assert report == named
    assert check is None or check in found
    assert [each.field for each in report.differed] == [field]
    assert desk.standing(PLAN) == before
    assert _rebuilt(desk, connection).differed == ()


def test_what_was_replaced_is_kept_with_who_accepted_it(desk: Desk, connection: Connection) -> None:
    _corrupt(connection, "UPDATE lending.plan_standing SET bucket = 'lost', days_past_due = 9")

    _rebuilt(desk, connection, accept=True)

    kept = {difference.place: (difference.was, given) for difference, given in listed_differences(connection)}
    assert kept == {
        f"{PLAN.plan_id}: bucket": ("lost", Acceptance("local", "mended", NOON)),
        f"{PLAN.plan_id}: days_past_due": (9, Acceptance("local", "mended", NOON)),
    }


def test_a_checkpoint_that_differs_is_taken_away(connection: Connection) -> None:
    desk = Desk.over(connection)
    desk.open(PLAN)
    for number in range(20):
        desk.take(a_payment(PLAN, f"x-{number}", day(number + 1), "1.00"))
    _corrupt(connection, "UPDATE lending.fold_checkpoints SET events = events - 1")

    assert [each.field for each in _rebuilt(desk, connection).differed] == ["checkpoint"]
    assert [each.field for each in _rebuilt(desk, connection, accept=True).differed] == ["checkpoint"]
    assert _rebuilt(desk, connection).differed == ()
    (kept,) = [difference.was for difference, _ in listed_differences(connection)]
    assert kept["count"] > 0


def test_a_plan_without_a_standing_is_named_and_left(desk: Desk, connection: Connection) -> None:
    _corrupt(connection, "DELETE FROM lending.plan_standing")

    assert _rebuilt(desk, connection, accept=True) == RebuiltStandings(1, (), (PLAN.plan_id,))


def test_the_command_replaces_nothing_that_nobody_accepts_with_a_reason(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk.over(connection)
    desk.open(PLAN)
    _corrupt(connection, "UPDATE lending.plan_standing SET status = 'paid'")
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)

    for _ in range(2):
        assert main(["rebuild"]) == 1
        said = capsys.readouterr().out
        assert f"{PLAN.plan_id}: status is paid, its events make it open" in said
        assert "1 differences; nothing was written" in said
    with pytest.raises(AcceptFault, match="needs a --reason"):
        main(["rebuild", "--accept"])
    PostgresPrincipals(connection).add(Principal("ann", "servicing", NOON), hash_of_key("trk_ann"))
    connection.commit()
    monkeypatch.setenv("TRANCHE_KEY", "trk_ann")
    with pytest.raises(AcceptFault, match="ann may not"):
        main(["rebuild", "--accept", "--reason", "mended"])
    monkeypatch.delenv("TRANCHE_KEY")
    capsys.readouterr()
    assert main(["rebuild", "--accept", "--reason", "mended"]) == 0
    assert main(["rebuild"]) == 0
    capsys.readouterr()
    assert acts_of("ledger")(["accepted-differences"]) == 0
    said = capsys.readouterr().out
    assert f"lending.plan_standing: {PLAN.plan_id}: status: paid became open" in said
    assert "accepted by local at" in said
