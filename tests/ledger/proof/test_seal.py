"""Entries are sealed once, in one chain, under concurrent writers and sealers and after any interruption."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, IntegrityConstraintViolation

from ledger.books.postgres import PostgresLedger
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.postgres_seals import PostgresSeals
from ledger.proof.seal import seal
from ledger.proof.verify import KeptRoots, verify
from tests.ledger.builders import NOON, a_claim, a_purchase, presumed_paid

Connection = psycopg.Connection[Any]


def _post(connection: Connection, *keys: str, **changes: Any) -> None:
    books = PostgresLedger(connection)
    for key in keys:
        books.post(a_purchase(key=key, **{"names": {"plan": f"p-{key}"}, **changes}))


def _seals(connection: Connection, columns: str) -> list[Any]:
    return connection.execute(f"SELECT {columns} FROM ledger.seals ORDER BY seal_no").fetchall()


def _faults(connection: Connection) -> tuple[Any, ...]:
    return verify(PostgresAudit(connection)).faults


def test_everything_final_is_sealed_once(connection: Connection) -> None:
    _post(connection, "1", "2", "3", "4", "5")
    connection.commit()

    first = seal(PostgresSeals(connection), size=2)
    again = seal(PostgresSeals(connection), size=2)

    assert (first.entries, again.entries) == (5, 0)
    assert first.newest == again.newest
    assert first.newest is not None
    assert (first.newest.seal_no, first.newest.entries) == (3, 5)
    assert _faults(connection) == ()


def test_nothing_of_a_transaction_that_still_runs_is_sealed_nor_what_came_after_it(
    database_url: str, connection: Connection
) -> None:
    with psycopg.connect(database_url) as slow, psycopg.connect(database_url) as fast:
        _post(connection, "before")
        connection.commit()
        _post(slow, "slow")
        _post(fast, "fast", names={"plan": "p-fast", "merchant": "m-2"})
        fast.commit()

        assert seal(PostgresSeals(connection)).entries == 1
        assert _faults(connection) == ()
        connection.commit()
        slow.commit()
        assert seal(PostgresSeals(connection)).entries == 2
        assert _faults(connection) == ()


def test_what_the_newest_transaction_was_writing_while_others_were_sealed_is_sealed_when_it_ends(
    database_url: str, connection: Connection
) -> None:
    """No transaction after it has ended, so that no snapshot reaches behind it."""
    with psycopg.connect(database_url) as slow:
        _post(connection, "before")
        connection.commit()
        _post(slow, "slow", names={"plan": "p-slow", "merchant": "m-2"})

        assert seal(PostgresSeals(connection)).entries == 1
        connection.commit()
        slow.commit()
        assert seal(PostgresSeals(connection)).entries == 1
        assert _faults(connection) == ()


def test_a_seal_has_one_known_day_and_a_clock_that_steps_back_changes_none(connection: Connection) -> None:
    for key, hours in (("1", 0), ("2", 24), ("3", 12), ("4", 48)):
        moment = NOON + timedelta(hours=hours)
        _post(connection, key, recorded_at=moment)
        connection.commit()
    seal(PostgresSeals(connection))

    assert [day.day for (day,) in _seals(connection, "known_on")] == [10, 11, 12]
    assert [entries for (entries,) in _seals(connection, "entries")] == [1, 2, 1]
    assert _faults(connection) == ()


def test_a_run_that_is_cut_off_is_taken_up_where_it_stood(connection: Connection) -> None:
    _post(connection, *"123456")
    connection.commit()
    sealer = PostgresSeals(connection)
    connection.execute("SELECT 1")  # so that what is sealed next belongs to a transaction that does not end well
    sealer.seal_next(2, 2)
    connection.rollback()
    sealer.seal_next(2, 2)
    connection.commit()

    assert seal(sealer, most=3, size=2).entries == 4
    assert _faults(connection) == ()


def test_two_sealers_take_turns(database_url: str, connection: Connection) -> None:
    _post(connection, *"123456789")
    connection.commit()

    def run(_: int) -> int:
        with psycopg.connect(database_url) as own:
            return seal(PostgresSeals(own), most=2, size=2).entries

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 9
    assert _faults(connection) == ()


def test_holds_refusals_and_voids_are_sealed_too(connection: Connection) -> None:
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.hold(a_claim("25.00"))
    books.post_hold("F12a:a-1", presumed_paid("10.00"))
    books.void_hold("F12a:a-1", at=NOON, reason="the rest")
    books.hold(a_claim("500.00", "a-2"))
    connection.commit()

    assert seal(PostgresSeals(connection)).entries == 5
    assert _faults(connection) == ()


@pytest.mark.parametrize("role", ["postgres", "tranche_application"])
def test_seals_are_only_added_to_and_only_by_sealing(connection: Connection, role: str) -> None:
    _post(connection, "1")
    connection.commit()
    connection.execute(f"SET ROLE {role}")
    seal(PostgresSeals(connection))

    for statement in (
        "UPDATE ledger.seals SET entries = 1",
        "DELETE FROM ledger.seals",
        "TRUNCATE ledger.seals",
        "INSERT INTO ledger.seals SELECT * FROM ledger.seals",
        "UPDATE ledger.seal_totals SET debits = 1",
        "DELETE FROM ledger.seal_totals",
        "DELETE FROM ledger.account_days",
        "INSERT INTO ledger.account_days VALUES (1, '2026-01-01', '2026-01-01', 1, 1, 1)",
    ):
        with pytest.raises((InsufficientPrivilege, IntegrityConstraintViolation)), connection.transaction():
            connection.execute(statement)


def test_a_chain_made_anew_is_told_by_a_root_kept_elsewhere(connection: Connection) -> None:
    _post(connection, "1")
    connection.commit()
    kept = seal(PostgresSeals(connection)).newest
    assert kept is not None
    connection.execute("SET session_replication_role = replica")
    for table in ("seals", "seal_totals", "account_days"):
        connection.execute(f"DELETE FROM ledger.{table}")
    connection.execute("UPDATE ledger.requests SET recorded_at = recorded_at - interval '1 day'")
    connection.execute("SET session_replication_role = origin")
    connection.commit()
    seal(PostgresSeals(connection))

    assert _faults(connection) == ()
    (fault,) = verify(PostgresAudit(connection), KeptRoots({kept.seal_no: kept.root}, {})).faults
    assert (fault.check, fault.where) == ("kept root", "seal 1")
