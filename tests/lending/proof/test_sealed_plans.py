# ruff: noqa: E501 - statements that tamper read best in one line
"""Plans, their events, people's acts and principals are sealed: whatever is changed afterwards is found and named."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.errors import InsufficientPrivilege, IntegrityConstraintViolation

from ledger.proof.check import check_files
from ledger.proof.postgres_seals import PostgresSeals
from ledger.proof.seal import seal
from tests.command_line import acts_of
from tests.lending.plans import a_plan
from tests.lending.servicing.servicing import Desk, a_payment, day
from tests.soak import TIMES, examples

Connection = psycopg.Connection[Any]

PLAN, OTHER = (
    a_plan("1000.00", months=6, rate=1200),
    a_plan("90.00", plan_id="p-other", decision_id="d-2", order_id="o-2"),
)
CHECK = next(check.sql for check in check_files() if check.name == "row_seals")
ACTS = """
INSERT INTO ledger.principals (principal_id, role, added_at) VALUES ('ann', 'servicing', now()), ('bob', 'owner', now());
INSERT INTO ledger.principal_keys (key_id, principal_id, number, key_hash, made_at)
VALUES ('ann.1', 'ann', 1, sha256('x'), now());
INSERT INTO ledger.key_ends (key_id, ends_at, set_at) VALUES ('ann.1', now(), now());
INSERT INTO ledger.principal_revocations (principal_id, revoked_at) VALUES ('ann', now() + interval '1 day');
INSERT INTO lending.act_proposals (proposal_id, plan_id, act, proposed_by, key, reason, asked, value_date, because,
                                   proposed_at, expires_at)
VALUES ('act-1', '{plan}', 'goodwill', 'ann', 'k', 'late', '{{"x": null}}', now(), '{{money}}', now(), now() + interval '1 day');
INSERT INTO lending.act_approvals VALUES ('act-1', 'ann', 'bob', now());
INSERT INTO lending.acts (act_id, plan_id, act, principal_id, key, reason, asked, value_date, answer, recorded_at, proposal_id)
VALUES ('act-1', '{plan}', 'goodwill', 'ann', 'k', 'late', '{{}}', now(), '{{}}', now(), 'act-1');
INSERT INTO ledger.accepted_differences (projection, place, was, became, accepted_by, reason, accepted_at)
VALUES ('lending.plan_standing', 'p-1: bucket', '1', '2', 'bob', 'mended', now());
INSERT INTO lending.act_proposals (proposal_id, plan_id, act, proposed_by, key, reason, asked, value_date, because,
                                   proposed_at, expires_at)
VALUES ('act-2', '{plan}', 'goodwill', 'ann', 'k-2', 'late', '{{}}', now(), '{{money}}', now(), now() + interval '1 day');
INSERT INTO lending.act_withdrawals (proposal_id, withdrawn_by, withdrawn_at, reason) VALUES ('act-2', 'ann', now(), 'no');
INSERT INTO lending.business_dates (business_date, closed_at, visited, posted) VALUES ('2026-03-01', now(), 1, 1);
INSERT INTO payments.breaks (break_id, class, reason, owner, severity, opened_on, due_by)
VALUES ('file:x', 'E22', 'damaged', 'finance', 'high', now(), now());
INSERT INTO payments.break_proposals (proposal_id, break_id, act, proposed_by, key, reason, asked, because, proposed_at,
                                      expires_at)
VALUES ('ann.k', 'file:x', 'write-off', 'ann', 'k', 'gone', '{{}}', '{{money}}', now(), now() + interval '1 day');
INSERT INTO payments.break_approvals (proposal_id, proposed_by, approved_by, approved_at)
VALUES ('ann.k', 'ann', 'bob', now());
INSERT INTO payments.break_acts (act_id, break_id, act, principal_id, key, reason, asked, answer, recorded_at, proposal_id)
VALUES ('ann.k', 'file:x', 'write-off', 'ann', 'k', 'gone', '{{}}', '{{}}', now(), 'ann.k');
"""


@pytest.fixture
def sealed(connection: Connection) -> Connection:
    """Two plans with payments, an approved act, a closed day, all sealed in seals of three rows."""
    desk = Desk.over(connection)
    desk.open(PLAN, OTHER)
    for number in range(1, 7):
        desk.take(a_payment(PLAN, f"x-{number}", day(10 * number), "20.00"))
    connection.execute(ACTS.format(plan=PLAN.plan_id).encode())
    connection.commit()
    seal(PostgresSeals(connection), size=3)
    connection.commit()
    assert _faults(connection) == []
    return connection


def _faults(connection: Connection) -> list[tuple[str, str, str]]:
    return connection.execute(CHECK.encode()).fetchall()


def _tampered(connection: Connection, *statements: str) -> list[tuple[str, str, str]]:
    """What the check finds after these statements of a superuser, which are then undone."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount
        return _faults(connection)


PAID = "WHERE event_id = 'paid:x-3'"
PLAN_SAYS = ("sealed row", f"plan {PLAN.plan_id}")


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        (f"UPDATE lending.plan_events SET body = jsonb_set(body, '{{payment_id}}', '\"y\"') {PAID}",
         "event 4, paid:x-3: body changed since it was sealed"),
        (f"UPDATE lending.plan_events SET value_date = value_date - 1 {PAID}",
         "event 4, paid:x-3: value_date changed since it was sealed"),
        (f"UPDATE lending.plan_events SET recorded_at = recorded_at - interval '1 us', cause = 'c' {PAID}",
         "event 4, paid:x-3: recorded_at, cause changed since it was sealed"),
        (f"DELETE FROM lending.plan_events {PAID}", "event 4, paid:x-3: is gone"),
        ("DELETE FROM lending.plan_events WHERE event_id = 'paid:x-6'", "event 7, paid:x-6: is gone"),
        (f"UPDATE lending.instalments SET due_on = due_on + 1 WHERE instalment_id = '{PLAN.plan_id}/3'",
         f"instalment 4, {PLAN.plan_id}/3: due_on changed since it was sealed"),
        ("UPDATE lending.acts SET reason = 'other'", "act 1, act-1: reason changed since it was sealed"),
        ("UPDATE lending.act_proposals SET asked = '{}' WHERE proposal_id = 'act-1'", "proposal 1, act-1: asked changed since it was sealed"),
    ],
)  # fmt: skip
def test_a_row_that_was_tampered_with_is_named_with_its_plan_its_number_and_what_changed(
    sealed: Connection, statement: str, detail: str
) -> None:
    found = _tampered(sealed, statement)

    assert [(check, where) for check, where, _ in found] == [PLAN_SAYS]
    assert found[0][2].replace("instalment 3", "instalment 4") == detail


def test_an_event_that_was_put_in_is_named(sealed: Connection) -> None:
    forged = """
        INSERT INTO lending.plan_events (event_id, position, plan_id, kind, body, value_date, occurred_at, recorded_at, cause, txid)
        OVERRIDING SYSTEM VALUE
        SELECT 'forged', 0, plan_id, kind, body, value_date, occurred_at, recorded_at, cause, txid
          FROM lending.plan_events WHERE event_id = 'paid:x-1'"""

    (fault,) = _tampered(sealed, forged)

    assert fault[:2] == PLAN_SAYS
    assert fault[2].startswith("event 1, forged: was put in after seal ")


def test_events_that_were_put_in_another_order_are_named(sealed: Connection) -> None:
    places = "WHEN 'paid:x-2' THEN {0} ELSE {1} END WHERE event_id IN ('paid:x-2', 'paid:x-5')"
    two, five = (
        sealed.execute("SELECT position FROM lending.plan_events WHERE event_id = %s", (each,)).fetchone()[0]  # type: ignore[index]
        for each in ("paid:x-2", "paid:x-5")
    )

    found = _tampered(
        sealed,
        "ALTER TABLE lending.plan_events ALTER COLUMN position DROP IDENTITY",
        "UPDATE lending.plan_events SET position = -position WHERE event_id IN ('paid:x-2', 'paid:x-5')",
        f"UPDATE lending.plan_events SET position = CASE event_id {places.format(five, two)}",
    )

    assert {where for _, where, _ in found} == {PLAN_SAYS[1]}
    assert sorted(detail.partition(", ")[2] for _, _, detail in found) == [
        "paid:x-2: position changed since it was sealed",
        "paid:x-5: position changed since it was sealed",
    ]


def test_the_end_of_the_log_cut_off_with_its_seals_is_seen_by_a_root_kept_elsewhere(
    sealed: Connection, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    main = acts_of("ledger")
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    roots = tmp_path / "roots.jsonl"
    assert main(["seal", "--out", str(roots)]) == 0
    main(["verify", "--roots", str(roots)])
    assert "kept root" not in capsys.readouterr().out
    sealed.execute("SET session_replication_role = replica")
    sealed.execute("DELETE FROM ledger.row_seals WHERE seal_no = (SELECT max(seal_no) FROM ledger.row_seals)")
    sealed.commit()
    capsys.readouterr()

    assert main(["verify", "--roots", str(roots)]) == 1

    newest = json.loads(roots.read_text())["rows"]
    assert f"kept root: seal {newest['seal_no']} of rows: is gone" in capsys.readouterr().out


def test_a_changed_seal_breaks_its_chain(sealed: Connection) -> None:
    for statement in (
        "UPDATE ledger.row_seals SET sealed_at = sealed_at + interval '1 s' WHERE seal_no = 2",
        "UPDATE ledger.row_seals SET subjects[1] = 'p-9' WHERE seal_no = 2",
        "DELETE FROM ledger.row_seals WHERE seal_no = 2",
    ):
        assert "row seal" in {fault[0] for fault in _tampered(sealed, statement)}
    assert _tampered(sealed, "DELETE FROM ledger.sealed_tables WHERE table_name = 'lending.acts'") == [
        ("row seal", "lending.acts", "was sealed before and is no longer")
    ]


@pytest.fixture
def cells(sealed: Connection) -> list[tuple[str, str, str, str]]:
    """Every cell of every sealed table: its table, the name and the type of its column, and where its row lies."""
    found = []
    for (table,) in sealed.execute("SELECT table_name FROM ledger.sealed_tables").fetchall():
        columns = sealed.execute(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", (table,)
        ).fetchall()  # fmt: skip
        rows = sealed.execute(f"SELECT ctid::text FROM {table}".encode()).fetchall()
        assert rows, f"no row of {table} to tamper with"
        found += [(table, name, kind, ctid) for name, kind in columns for (ctid,) in rows]
    return found


OTHER_VALUE = {
    "bigint": "coalesce({0}, 0) + 1000",
    "integer": "{0} + 1000",
    "numeric": "{0} + 0.5",
    "date": "coalesce({0}, '2026-01-01') + 1",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 microsecond'",
    "text": "coalesce({0}, '') || ' '",
    "text[]": "{0} || 'x'::text",
    "jsonb": "coalesce({0}, '{{}}') || '{{\"tampered\": null}}'",
    "bytea": "coalesce({0}, '') || 'x'::bytea",
    "xid8": "(({0}::text::bigint) + 1)::text::xid8",
}


def test_any_single_cell_that_is_changed_is_found(sealed: Connection, cells: list[tuple[str, str, str, str]]) -> None:
    once = {(table, name): cell for cell in random.Random(5).sample(cells, len(cells)) for table, name, *_ in [cell]}
    checks = "ALTER TABLE {0} ALTER COLUMN position DROP IDENTITY"
    for table in {cell[0] for cell in cells}:  # the checks of values are not what is tried here
        for (name,) in sealed.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", (table,)
        ).fetchall():
            sealed.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
        sealed.execute(checks.format(table).encode())

    for table, name, kind, ctid in once.values() if TIMES == 1 else cells:
        changed = f"UPDATE {table} SET {name} = {OTHER_VALUE[kind].format(name)} WHERE ctid = '{ctid}'"
        assert _tampered(sealed, changed), changed


@settings(
    max_examples=examples(usual=12, soaked=100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), steps=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)), min_size=1, max_size=6))
def test_in_any_world_sealed_in_any_steps_any_cell_that_is_changed_is_found(
    connection: Connection, data: st.DataObject, steps: list[tuple[int, int]]
) -> None:
    """Each example adds a plan with payments to those before, seals now and then, and changes one cell of its rows."""
    (number,) = connection.execute("SELECT count(*) FROM lending.plans").fetchone() or (0,)
    plan = a_plan(plan_id=f"p-{number}", decision_id=f"d-{number}", order_id=f"o-{number}")
    desk = Desk.over(connection)
    desk.open(plan)
    for place, (days, size) in enumerate(steps):
        desk.take(a_payment(plan, f"y-{number}-{place}", day(days), "1.00"))
        connection.commit()
        if size:
            seal(PostgresSeals(connection), size=size)
    seal(PostgresSeals(connection), size=2)
    connection.commit()
    assert _faults(connection) == []
    tables = {"lending.plans": "agreement", "lending.instalments": "instalment", "lending.plan_events": "event"}
    table = data.draw(st.sampled_from(sorted(tables)))
    columns = connection.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass"
        " AND attnum > 0 AND NOT attisdropped AND attidentity = ''", (table,)
    ).fetchall()  # fmt: skip
    rows = connection.execute(f"SELECT ctid::text FROM {table} WHERE plan_id = %s".encode(), (plan.plan_id,)).fetchall()
    name, kind = data.draw(st.sampled_from(columns))
    (ctid,) = data.draw(st.sampled_from(rows))

    with connection.transaction(force_rollback=True):
        for (check,) in connection.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", (table,)
        ).fetchall():
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {check}".encode())
        connection.execute("SET LOCAL session_replication_role = replica")
        changed = f"UPDATE {table} SET {name} = {OTHER_VALUE[kind].format(name)} WHERE ctid = '{ctid}'"
        assert connection.execute(changed.encode()).rowcount == 1
        found = _faults(connection)

    assert found
    assert {where for _, where, _ in found} <= {f"plan {plan.plan_id}", f"plan {plan.plan_id} "}


def test_two_sealers_at_once_beside_writers_seal_each_row_once(database_url: str, connection: Connection) -> None:
    plans = [a_plan(plan_id=f"p-{number}", decision_id=f"d-{number}", order_id=f"o-{number}") for number in range(6)]
    Desk.over(connection).open(*plans)
    connection.commit()

    def write(number: int) -> None:
        with psycopg.connect(database_url) as own:
            for each in range(4):
                Desk.over(own).take(a_payment(plans[number], f"y-{number}-{each}", day(each), "1.00"))
                own.commit()

    def seal_some(_: int) -> None:
        with psycopg.connect(database_url) as own:
            for _round in range(6):
                seal(PostgresSeals(own), size=4)

    with ThreadPoolExecutor(6) as pool:
        for done in [*(pool.submit(write, number) for number in range(4)), *(pool.submit(seal_some, _) for _ in "ab")]:  # type: ignore[arg-type]
            done.result()
    seal(PostgresSeals(connection))

    assert _faults(connection) == []
    sealed_ids = connection.execute(
        "SELECT unnest(row_ids) FROM ledger.row_seals WHERE table_name = 'lending.plan_events'"
    ).fetchall()
    events = connection.execute("SELECT event_id FROM lending.plan_events").fetchall()
    assert sorted(sealed_ids) == sorted(events)
    assert len(events) == 6 + 16


def test_rows_of_a_transaction_that_still_runs_wait_and_those_of_one_that_was_killed_are_never_sealed(
    database_url: str, connection: Connection
) -> None:
    Desk.over(connection).open(PLAN, OTHER)
    connection.commit()
    seal(PostgresSeals(connection))
    connection.commit()
    killed = psycopg.connect(database_url)
    Desk.over(killed).take(a_payment(OTHER, "killed", day(3), "1.00"))
    assert seal(PostgresSeals(connection)).rows == 0
    connection.execute("SELECT pg_terminate_backend(%s, 5000)", (killed.info.backend_pid,))
    connection.commit()
    killed.close()
    with psycopg.connect(database_url) as slow:
        Desk.over(slow).take(a_payment(PLAN, "slow", day(3), "1.00"))
        assert seal(PostgresSeals(connection)).rows == 0
        connection.commit()
    doomed = psycopg.connect(database_url)
    doomed.execute("SELECT ledger.seal_rows(100, 3)")
    connection.execute("SELECT pg_terminate_backend(%s, 5000)", (doomed.info.backend_pid,))
    connection.commit()
    doomed.close()
    assert seal(PostgresSeals(connection)).rows == 1
    assert _faults(connection) == []


def test_the_application_may_seal_rows_but_not_write_seals(sealed: Connection) -> None:
    sealed.execute("SET ROLE tranche_application")
    assert seal(PostgresSeals(sealed)).rows == 0
    with pytest.raises(InsufficientPrivilege), sealed.transaction():
        sealed.execute("DELETE FROM ledger.row_seals")
    sealed.execute("RESET ROLE")
    with pytest.raises(InsufficientPrivilege, match="only ever added to"), sealed.transaction():
        sealed.execute("DELETE FROM ledger.row_seals")
    with pytest.raises(IntegrityConstraintViolation, match="does not come after"), sealed.transaction():
        sealed.execute("INSERT INTO ledger.row_seals SELECT * FROM ledger.row_seals WHERE seal_no = 2")
