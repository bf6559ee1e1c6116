"""The login roles of processes have the rights of their file, no less and no more, and enough for what is written."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.grant import RolesFault, database_roles, grant, parse_roles
from ledger.migrate import migrate
from terminal.database import DatabaseProcess
from tests.test_conventions import CHECKOUT

Connection = psycopg.Connection[Any]
HAS = "SELECT has_table_privilege(%s, %s, %s)"
WRITES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\s+(ledger|lending|payments|features|serving)\.(\w+)")
# Who runs the SQL of a folder; what the owner alone runs, and functions that run as their owner, are not listed.
WRITERS = {
    "features": DatabaseProcess.FEATURES,
    "lending/servicing": DatabaseProcess.LENDING,
    "lending/acts": DatabaseProcess.LENDING,
    "lending/decision": DatabaseProcess.SERVING,
    "payments": DatabaseProcess.PAYMENTS,
    "serving": DatabaseProcess.SERVING,
    "ledger/identity": DatabaseProcess.IDENTITY,
    "ledger/books": DatabaseProcess.BOOKS,
    "ledger/outbox/postgres_outbox.py": DatabaseProcess.RELAY,
}


def test_every_kind_of_process_has_a_role_and_every_role_a_process() -> None:
    assert {each.role for each in DatabaseProcess} == set(database_roles())


def test_a_migration_takes_what_is_too_much_and_gives_what_is_missing(connection: Connection) -> None:
    assert grant(connection) == ()
    connection.execute("GRANT DELETE ON lending.plan_events TO tranche_payments")
    connection.execute("GRANT SELECT ON features.vectors TO tranche_payments")
    connection.execute("GRANT EXECUTE ON FUNCTION ledger.seal_next TO tranche_reader")
    connection.execute("REVOKE INSERT ON payments.attempts FROM tranche_payments")
    connection.execute("REVOKE USAGE ON SCHEMA payments FROM tranche_reader")

    migrate(connection)

    checks = [("payments", "lending.plan_events", "DELETE"), ("payments", "features.vectors", "SELECT"),
              ("payments", "payments.attempts", "INSERT"), ("reader", "payments.attempts", "SELECT")]  # fmt: skip
    found = [connection.execute(HAS, (f"tranche_{role}", on, verb)).fetchone() for role, on, verb in checks]
    assert found == [(False,), (False,), (True,), (True,)]
    seals = "SELECT has_function_privilege('tranche_reader', 'ledger.seal_next(bigint)', 'EXECUTE')"
    assert connection.execute(re.sub(r"\(bigint\)", _arguments(connection), seals)).fetchone() == (False,)


def test_a_later_table_is_covered_by_its_schema(connection: Connection) -> None:
    connection.execute("CREATE TABLE payments.later (key text)")

    given = {(each.role, each.verb) for each in grant(connection)}

    assert given == {
        ("tranche_payments", "SELECT"), ("tranche_payments", "INSERT"),
        ("tranche_serving", "SELECT"), ("tranche_reader", "SELECT"),
    }  # fmt: skip


def test_no_role_may_change_what_is_recorded_once(connection: Connection) -> None:
    """Tables with a trigger that refuses changes: no process has the right to begin with."""
    tables = connection.execute(
        "SELECT tgrelid::regclass::text, tgtype FROM pg_trigger WHERE tgname = 'append_only' ORDER BY 1"
    ).fetchall()
    bits = {"DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}  # of `tgtype`: what the trigger refuses
    beyond = [
        (process.role, table, verb)
        for table, refuses in tables
        for process in DatabaseProcess
        for verb, bit in bits.items()
        if refuses & bit and connection.execute(HAS, (process.role, table, verb)).fetchone() == (True,)
    ]

    assert len(tables) > 20
    assert beyond == []


@pytest.mark.parametrize(("folder", "process"), WRITERS.items())
def test_a_role_may_write_what_the_code_of_its_process_writes(
    folder: str, process: DatabaseProcess, connection: Connection
) -> None:
    wanted = {(table, verb) for file in _sources(CHECKOUT / folder) for table, verb in _written(file.read_text())}

    missing = [
        (table, verb)
        for table, verb in sorted(wanted)
        if connection.execute(HAS, (process.role, table, verb)).fetchone() == (False,)
    ]
    assert wanted
    assert missing == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[roles.a]\nmeaning = "x"\ntables = { "ledger.seals" = "TRUNCATE" }', "ledger.seals is 'TRUNCATE', not verbs"),
        ('[roles.a]\nmeaning = "x"\nwith = ["nothing"]', r"roles.a: there is no \[rights.nothing\]"),
        ('[roles.a]\nmeaning = "x"\ntable = {}', "roles.a.table is not known"),
    ],
)
def test_a_malformed_file_is_named(text: str, said: str) -> None:
    with pytest.raises(RolesFault, match=said):
        parse_roles(text)


def _arguments(connection: Connection) -> str:
    row = connection.execute("SELECT oidvectortypes(proargtypes) FROM pg_proc WHERE proname = 'seal_next'").fetchone()
    return f"({row[0] if row else ''})"


def _sources(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    yield from sorted(place.rglob("*.py"))
    yield from (file for file in sorted(place.rglob("functions/*.sql")) if "DEFINER" not in file.read_text())


def _written(text: str) -> Iterator[tuple[str, str]]:
    for statement, schema, table in WRITES.findall(text):
        yield f"{schema}.{table}", statement.split()[0]
    for schema, table in re.findall(r"INSERT INTO (\w+)\.(\w+)(?:(?!INSERT INTO)[^;\"])*?DO UPDATE", text):
        yield f"{schema}.{table}", "UPDATE"
