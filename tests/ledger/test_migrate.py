import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from ledger.migrate import PACKAGES, MigrationFault, SchemaFile, apply, migrate, schema_files

Connection = psycopg.Connection[Any]
ONE = SchemaFile("lending", "901_one.sql", "CREATE TABLE public.one (id int)")
TWO = SchemaFile("lending", "902_two.sql", "CREATE TABLE public.two (id int)")


@pytest.fixture
def known() -> list[SchemaFile]:
    """The files that the fixture's database has."""
    return schema_files("lending")


def test_a_migrated_database_has_nothing_left_to_apply(connection: Connection) -> None:
    report = migrate(connection)

    assert report.applied == ()
    assert report.already_applied == sum(len(schema_files(package)) for package in PACKAGES)


def test_files_are_applied_once_and_in_order(connection: Connection, known: list[SchemaFile]) -> None:
    first = apply(connection, [*known, ONE, TWO])
    second = apply(connection, [*known, ONE, TWO])

    assert first.applied == ("lending/schema/901_one.sql", "lending/schema/902_two.sql")
    assert (second.applied, second.already_applied) == ((), len(known) + 2)


def test_a_file_that_changed_since_is_refused_by_name_and_nothing_is_applied(
    connection: Connection, known: list[SchemaFile]
) -> None:
    apply(connection, [*known, ONE])
    changed = SchemaFile(ONE.package, ONE.file, ONE.sql + " ")

    with pytest.raises(MigrationFault, match=r"lending/schema/901_one\.sql changed"):
        apply(connection, [*known, changed, TWO])
    assert connection.execute("SELECT to_regclass('public.two')").fetchone() == (None,)


def test_a_file_that_vanished_is_refused_by_name(connection: Connection, known: list[SchemaFile]) -> None:
    apply(connection, [*known, ONE])

    with pytest.raises(MigrationFault, match=r"901_one\.sql was applied to this database and is gone"):
        apply(connection, known)


def test_a_broken_file_leaves_nothing_of_the_run(connection: Connection, known: list[SchemaFile]) -> None:
    broken = SchemaFile("lending", "902_two.sql", "CREATE TABLE public.two (id nonsense)")

    with pytest.raises(psycopg.errors.UndefinedObject):
        apply(connection, [*known, ONE, broken])
    assert connection.execute("SELECT to_regclass('public.one')").fetchone() == (None,)


def test_several_at_once_apply_each_file_once(database_url: str) -> None:
    ready = threading.Barrier(6)
    wanted = [*schema_files("lending"), ONE, TWO]

    def run(_: int) -> int:
        with psycopg.connect(database_url) as connection:
            ready.wait(timeout=60)
            return len(apply(connection, wanted).applied)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(run, range(6))) == [0, 0, 0, 0, 0, 2]


def test_an_empty_database_is_brought_up_to_date(postgres_environment: dict[str, str]) -> None:
    admin = postgres_environment["TRANCHE_DATABASE_URL"].replace("/tranche?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE DATABASE test_empty")
    try:
        with psycopg.connect(admin.replace("/postgres?", "/test_empty?")) as connection:
            report = migrate(connection)
        assert report.already_applied == 0
        assert "ledger/schema/001_ledger.sql" in report.applied
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("DROP DATABASE test_empty")
