import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger import migrate as module
from ledger.migrate import PACKAGES, MigrationFault, SchemaFile, apply, migrate, schema_files

Connection = psycopg.Connection[Any]
ONE = SchemaFile("lending", "901_one.sql", "CREATE TABLE public.one (id int)")
TWO = SchemaFile("lending", "902_two.sql", "CREATE TABLE public.two (id int)")

NOTES = SchemaFile(
    "lending",
    "901_notes.sql",
    "CREATE TABLE lending.notes (id int, text text); INSERT INTO lending.notes VALUES (1, 'kept')",
)
DEFINITION = re.compile(
    r"CREATE (?:OR REPLACE |UNIQUE |CONSTRAINT )*"
    r"(SCHEMA|ROLE|TABLE|FUNCTION|PROCEDURE|VIEW|TRIGGER|INDEX|SEQUENCE|TYPE|DOMAIN) (?:IF NOT EXISTS )?([\w.]+)"
    r"(?:[^;]*? ON ([\w.]+))?"
)


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

    with pytest.raises(MigrationFault, match=r'lending/schema/902_two\.sql: type "nonsense" does not exist'):
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


def test_a_second_run_waits_until_the_first_one_has_ended(database_url: str) -> None:
    wanted = [*schema_files("lending"), ONE]
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(database_url) as second,
        psycopg.connect(database_url, autocommit=True) as onlooker,
        psycopg.connect(database_url) as first,  # closed first when the test fails, which lets the second one end
    ):
        first.execute("SELECT 1")  # opens a transaction, so that the run below is not over when it returns
        assert apply(first, wanted).applied == (str(ONE),)
        waiting = pool.submit(apply, second, wanted)
        until = time.monotonic() + 30
        held_up = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = %s AND NOT granted"
        while not onlooker.execute(held_up, [second.info.backend_pid]).fetchall():
            assert time.monotonic() < until
        first.commit()

        assert waiting.result(timeout=60).applied == ()


def test_a_function_is_replaced_in_place_when_its_text_changes(connection: Connection, known: list[SchemaFile]) -> None:
    apply(connection, [*known, _answer("41")])
    oid = _one(connection, "SELECT 'lending.answer'::regproc::oid")

    report = apply(connection, [*known, _answer("42")])

    assert report.applied == ("lending/schema/functions/answer.sql",)
    assert _one(connection, "SELECT lending.answer()") == 42
    assert _one(connection, "SELECT 'lending.answer'::regproc::oid") == oid
    assert apply(connection, [*known, _answer("42")]).applied == ()


@pytest.mark.parametrize(
    ("changed", "call"),
    [
        ("answer() RETURNS text LANGUAGE sql AS $$ SELECT '42' $$", "lending.answer() || ''"),
        ("answer(more int) RETURNS int LANGUAGE sql AS $$ SELECT 41 + more $$", "lending.answer(1)::text"),
        (
            "answer(m int) RETURNS int LANGUAGE sql RETURN 41 + m; REVOKE ALL ON FUNCTION lending.answer FROM public",
            "lending.answer(1)::text",
        ),
    ],
)
def test_a_function_with_another_result_or_other_arguments_takes_the_place_of_the_old_one(
    connection: Connection, known: list[SchemaFile], changed: str, call: str
) -> None:
    apply(connection, [*known, _answer("41")])

    apply(connection, [*known, _function("answer", changed)])

    assert _one(connection, f"SELECT {call}") == "42"
    assert _one(connection, "SELECT count(*) FROM pg_proc WHERE proname = 'answer'") == 1


def test_a_grant_that_left_the_file_leaves_the_database(connection: Connection, known: list[SchemaFile]) -> None:
    may = "SELECT has_function_privilege('tranche_application', 'lending.answer()', 'execute')"
    closed = "; REVOKE EXECUTE ON FUNCTION lending.answer FROM PUBLIC"
    granted = closed + "; GRANT EXECUTE ON FUNCTION lending.answer TO tranche_application"
    found = []
    for grants in (granted, closed, ""):
        apply(connection, [*known, _answer("42", grants)])
        found.append(_one(connection, may))

    assert found == [True, False, True]


def test_a_view_with_other_columns_is_made_again_with_those_that_read_it_and_data_is_kept(
    connection: Connection, known: list[SchemaFile]
) -> None:
    reader = _view("a_reader", "SELECT text FROM lending.notes_seen")
    apply(connection, [*known, NOTES, reader, _view("notes_seen", "SELECT id, text FROM lending.notes")])

    changed = _view(
        "notes_seen", "SELECT upper(text) AS text, id::text AS id FROM lending.notes -- for lending.a_reader"
    )
    report = apply(connection, [*known, NOTES, reader, changed])

    assert report.applied == ("lending/schema/views/notes_seen.sql",)
    assert connection.execute("SELECT * FROM lending.notes_seen").fetchall() == [("KEPT", "1")]
    assert connection.execute("SELECT * FROM lending.a_reader").fetchall() == [("KEPT",)]
    assert apply(connection, [*known, NOTES, reader, changed]).applied == ()


def test_a_view_reads_the_columns_that_a_new_file_gave_its_table(
    connection: Connection, known: list[SchemaFile]
) -> None:
    every = _view("notes_seen", "SELECT * FROM lending.notes")
    apply(connection, [*known, NOTES, every])

    wider = SchemaFile("lending", "902_wider.sql", "ALTER TABLE lending.notes ADD more int, ALTER id TYPE text")
    apply(connection, [*known, NOTES, wider, every])

    assert connection.execute("SELECT * FROM lending.notes_seen").fetchall() == [("1", "kept", None)]


def test_a_view_of_somebody_else_stops_the_run_and_is_named(connection: Connection, known: list[SchemaFile]) -> None:
    seen = _view("notes_seen", "SELECT id, text FROM lending.notes")
    apply(connection, [*known, NOTES, seen])
    connection.execute("CREATE VIEW public.analysis AS SELECT id FROM lending.notes_seen")

    with pytest.raises(MigrationFault, match=r"views cannot be dropped(.|\n)*view analysis depends on"):
        apply(connection, [*known, NOTES, _view("notes_seen", "SELECT text FROM lending.notes")])
    assert connection.execute("SELECT * FROM public.analysis").fetchall() == [(1,)]


def test_views_that_read_each_other_in_a_circle_are_refused(connection: Connection, known: list[SchemaFile]) -> None:
    circle = [_view("a", "SELECT * FROM lending.b"), _view("b", "SELECT * FROM lending.a")]

    with pytest.raises(MigrationFault, match=r"circle: lending\.[ab], lending\.[ab]"):
        apply(connection, [*known, *circle])


def test_a_tables_triggers_are_those_of_its_file(connection: Connection, known: list[SchemaFile]) -> None:
    refuse = "BEFORE {} ON lending.notes FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()"
    first = f"CREATE TRIGGER one {refuse.format('UPDATE')}; CREATE TRIGGER two {refuse.format('DELETE')}"
    triggers = "SELECT array_agg(tgname ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'lending.notes'::regclass"
    found = []
    for text in (first, f"CREATE TRIGGER three {refuse.format('TRUNCATE')}"):
        apply(connection, [*known, NOTES, SchemaFile("lending", "triggers/notes.sql", text)])
        found.append(_one(connection, triggers))
    apply(connection, [*known, NOTES])

    assert [*found, _one(connection, triggers)] == [["one", "two"], ["three"], None]


def test_triggers_that_went_with_their_table_come_back_with_it(connection: Connection, known: list[SchemaFile]) -> None:
    text = "CREATE TRIGGER a BEFORE DELETE ON lending.notes EXECUTE FUNCTION ledger.refuse_change()"
    triggers = SchemaFile("lending", "triggers/notes.sql", text)
    apply(connection, [*known, NOTES, triggers])

    anew = SchemaFile("lending", "902_anew.sql", "DROP TABLE lending.notes; CREATE TABLE lending.notes (id int)")
    apply(connection, [*known, NOTES, anew, triggers])

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM lending.notes")


def test_what_a_removed_file_defined_is_dropped(connection: Connection, known: list[SchemaFile]) -> None:
    trigger = "CREATE TRIGGER a BEFORE DELETE ON lending.notes EXECUTE FUNCTION lending.stop()"
    removed = [
        _function("stop", "stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"),
        _view("notes_seen", "SELECT id FROM lending.notes"),
        SchemaFile("lending", "triggers/notes.sql", trigger),
    ]
    apply(connection, [*known, NOTES, *removed])

    report = apply(connection, [*known, NOTES])

    assert sorted(report.removed) == sorted(map(str, removed))
    assert _one(connection, "SELECT to_regproc('lending.stop')") is None
    assert _one(connection, "SELECT to_regclass('lending.notes_seen')") is None
    assert connection.execute("SELECT * FROM lending.notes").fetchall() == [(1, "kept")]
    assert apply(connection, [*known, NOTES]).removed == ()


def test_a_function_that_something_else_calls_is_not_dropped(connection: Connection, known: list[SchemaFile]) -> None:
    apply(connection, [*known, _answer("42")])
    connection.execute("CREATE VIEW public.analysis AS SELECT lending.answer()")

    with pytest.raises(MigrationFault, match=r"functions/answer\.sql is gone(.|\n)*view analysis depends on"):
        apply(connection, known)
    assert _one(connection, "SELECT answer FROM public.analysis") == 42


def test_what_is_missing_is_made_again_though_its_file_is_unchanged(connection: Connection) -> None:
    connection.execute("DROP VIEW ledger.held_transfers; DROP FUNCTION ledger.seal_next")

    assert migrate(connection).applied == (
        "ledger/schema/functions/seal_next.sql",
        "ledger/schema/views/held_transfers.sql",
    )


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("functions/b.sql", "CREATE FUNCTION lending.a() RETURNS int LANGUAGE sql AS ''", "does not define lending.b"),
        ("views/b.sql", "CREATE VIEW lending.a AS SELECT 1", "does not define lending.b"),
        ("functions/b.sql", "CREATE FUNCTION lending.b() RETURNS int LANGUAGE sql AS 'SELECT x'", 'column "x" does'),
        ("functions/b.sql", "CREATE FUNCTION lending.b() RETURNS int LANGUAGE plpgsql AS 'no'", "syntax error"),
        ("views/b.sql", "CREATE VIEW lending.b AS SELECT nonsense", 'column "nonsense" does not exist'),
        ("triggers/b.sql", "CREATE TRIGGER c BEFORE DELETE ON lending.b EXECUTE FUNCTION ledger.refuse_change()",
         'relation "lending.b" does not exist'),
    ],
)  # fmt: skip
def test_a_file_that_fails_is_named_and_nothing_of_the_run_is_left(
    connection: Connection, known: list[SchemaFile], file: str, text: str, message: str
) -> None:
    apply(connection, [*known, _answer("41")])
    connection.commit()

    with pytest.raises(MigrationFault, match=rf"lending/schema/{file}\W(.|\n)*{message}"):
        apply(connection, [*known, ONE, _answer("42"), SchemaFile("lending", file, text)])
    assert _one(connection, "SELECT lending.answer()") == 41
    assert _one(connection, "SELECT to_regclass('public.one')") is None
    assert apply(connection, [*known, _answer("41")]).applied == ()


@pytest.mark.parametrize("name", ["1_plans.sql", "plans.sql", "functions/Answer.sql", "views/001 x.sql"])
def test_a_file_named_like_no_other_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "schema" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    folder: Traversable = tmp_path
    monkeypatch.setattr(module, "files", lambda _: folder)

    with pytest.raises(MigrationFault, match=f"lending/schema/{name} must have the name"):
        schema_files("lending")


def test_nothing_is_defined_twice() -> None:
    """Over the text of all files: of two definitions one would silently hide the other."""
    times = Counter(what for _, what in _definitions())

    assert [what for what, count in times.items() if count > 1] == []
    assert {kind for kind, _ in times} >= {"TABLE", "INDEX", "SEQUENCE", "FUNCTION", "VIEW", "TRIGGER"}


def test_each_thing_is_defined_in_the_file_that_its_name_says() -> None:
    misplaced = []
    for file, (kind, name) in _definitions():
        if kind == "TRIGGER":
            right = (file.folder, f"{file.package}.{file.name}") == ("triggers", name.partition(" ")[0])
        elif kind in ("FUNCTION", "PROCEDURE", "VIEW"):
            right = (file.folder, f"{file.package}.{file.name}") == (f"{kind.lower()}s", name)
        else:
            right = file.folder == "" and (kind == "ROLE" or name.partition(".")[0] == file.package)
        misplaced += [] if right else [(str(file), kind, name)]

    assert misplaced == []


def test_the_database_holds_what_the_files_define_and_nothing_more(connection: Connection) -> None:
    query = """
        SELECT 'FUNCTION', p.pronamespace::regnamespace || '.' || p.proname FROM pg_proc p
         WHERE p.pronamespace::regnamespace::text = ANY (%(schemas)s)
         UNION SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, c.oid::regclass::text FROM pg_class c
         WHERE c.relnamespace::regnamespace::text = ANY (%(schemas)s) AND c.relkind IN ('r', 'v')
         UNION SELECT 'TRIGGER', t.tgrelid::regclass || ' ' || t.tgname FROM pg_trigger t WHERE NOT t.tgisinternal
    """
    there = set(connection.execute(query, {"schemas": list(PACKAGES)}))
    kinds = {kind for kind, _ in there}

    dropped = {
        ("TABLE", name) for file in _files() for name in re.findall(r"^DROP TABLE ([\w.]+);", file.sql, re.MULTILINE)
    }
    defined = {what for _, what in _definitions() if what[0] in kinds} - dropped
    assert there - {("TABLE", "ledger.migrations")} == defined


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


def _function(name: str, text: str) -> SchemaFile:
    return SchemaFile("lending", f"functions/{name}.sql", f"CREATE OR REPLACE FUNCTION lending.{text}")


def _answer(body: str, grants: str = "") -> SchemaFile:
    return _function("answer", f"answer() RETURNS int LANGUAGE sql AS $$ SELECT {body} $$ {grants}")


def _view(name: str, query: str) -> SchemaFile:
    return SchemaFile("lending", f"views/{name}.sql", f"CREATE OR REPLACE VIEW lending.{name} AS {query}")


def _one(connection: Connection, query: str) -> Any:
    (value,) = connection.execute(query).fetchone() or (None,)
    return value


def _definitions() -> Iterator[tuple[SchemaFile, tuple[str, str]]]:
    """Each CREATE of each file, as a kind and a name; a trigger's name has its table before it."""
    for file in _files():
        code = re.sub(r"\$\$.*?\$\$", "", re.sub(r"--.*", "", file.sql), flags=re.DOTALL)
        for kind, name, table in DEFINITION.findall(re.sub(r"\s+", " ", code)):
            name_there = {"TRIGGER": f"{table} {name}", "INDEX": f"{file.package}.{name}"}.get(kind, name)
            yield file, (kind, name_there)


def _files() -> Iterator[SchemaFile]:
    for package in PACKAGES:
        yield from schema_files(package)
