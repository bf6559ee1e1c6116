"""Act: migrate a database to the SQL files of every package, in one transaction; concurrent runs wait for each other.

A package keeps its SQL in its folder `schema`; the objects belong to the database schema of the package's name:

- `NNN_name.sql`: tables with their indexes, constraints, first rows and grants. Applied once, in the order of their
  numbers. A changed or removed one stops the migration: further changes of tables need a new file.
- `functions/NAME.sql` and `views/NAME.sql`: one function or view each, with its grants.
- `triggers/TABLE.sql`: all triggers of one table.

Files of the last three kinds state the present definition. Such a file is applied again when it changed or when its
object is missing; when the file is removed, its object is dropped. They are applied after all numbered files, functions
before views before triggers, so a numbered file cannot use them.

When anything is to be applied, all views are dropped first and created again at the end: they do not block changes of
tables, may change their columns, and `SELECT *` has the present columns of its table. A function is replaced in place,
or dropped and created again when its arguments or its result changed. An object that depends on a view or on such a
function but comes from no file stops the migration with an error that names it.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files

from ledger.database import Database, Parameters
from ledger.grant import grant
from terminal.fault import Fault

PACKAGES = ("ledger", "features", "lending", "payments", "serving")

_FUNCTIONS, _VIEWS, _TRIGGERS = "functions", "views", "triggers"
_NUMBERED = re.compile(r"[0-9]{3}_[a-z0-9_]+\.sql")
_NAMED = re.compile(r"[a-z_][a-z0-9_]*\.sql")
_NOT_REPLACEABLE = (  # SQL states: another result or names of arguments; another kind of routine; an overload
    "42P13",
    "42809",
    "42725",
)
_LOCK = 0x7472616E636865  # any fixed number: two migrations of one database wait for each other on it

_REGISTER = """
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.migrations (
    package    text NOT NULL,
    file       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (package, file)
);
"""
_RECORD = """
INSERT INTO ledger.migrations (package, file, sha256) VALUES (%s, %s, %s)
    ON CONFLICT (package, file) DO UPDATE SET sha256 = excluded.sha256, applied_at = excluded.applied_at
"""
# The files that would define what these schemas hold now.
_PRESENT = """
SELECT n.nspname, 'functions/' || p.proname || '.sql'
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY (%(schemas)s)
 UNION SELECT n.nspname, 'views/' || c.relname || '.sql'
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (%(schemas)s) AND c.relkind = 'v'
 UNION SELECT n.nspname, 'triggers/' || c.relname || '.sql'
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY (%(schemas)s) AND NOT t.tgisinternal
"""
_OIDS = """
SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = %(schema)s AND p.proname = %(name)s ORDER BY p.oid
"""
# Each of the following selects statements to run.
_DROP_FUNCTIONS = """
SELECT format('DROP ROUTINE %%s', p.oid::regprocedure) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = %(schema)s AND p.proname = %(name)s
"""
_DROP_TRIGGERS = """
SELECT format('DROP TRIGGER %%I ON %%I.%%I', t.tgname, n.nspname, c.relname)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND NOT t.tgisinternal
"""
_DROP_VIEWS = """
SELECT 'DROP VIEW ' || string_agg(format('%%I.%%I', n.nspname, c.relname), ', ')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname || '.' || c.relname = ANY (%(views)s) AND c.relkind = 'v'
HAVING count(*) > 0
"""
# Back to the privileges of a new function, so that a grant which left the file leaves the database.
_RESET_GRANTS = """
SELECT format('REVOKE ALL ON ROUTINE %%s FROM %%s', p.oid::regprocedure,
              CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 CROSS JOIN LATERAL aclexplode(p.proacl) a
 WHERE n.nspname = %(schema)s AND p.proname = %(name)s AND a.grantee <> p.proowner
 UNION ALL
SELECT format('GRANT EXECUTE ON ROUTINE %%s TO PUBLIC', p.oid::regprocedure)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = %(schema)s AND p.proname = %(name)s AND p.proacl IS NOT NULL
"""
_VALIDATE = """
SELECT format('SELECT %%s(%%s)', l.lanvalidator::regproc, p.oid)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname = %(schema)s AND p.proname = %(name)s AND l.lanvalidator <> 0
"""


class MigrationFault(Fault):
    """Raised when the SQL files cannot be applied to this database; the message names the file."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """The files that a run applied, the number applied before, and the files whose objects were dropped for good."""

    applied: tuple[str, ...]
    already_applied: int
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SchemaFile:
    """One SQL file of a package; `file` is its path below the folder `schema`."""

    package: str
    file: str
    sql: str

    @property
    def key(self) -> tuple[str, str]:
        return self.package, self.file

    @property
    def folder(self) -> str:
        """`functions`, `views` or `triggers`; empty for a numbered file."""
        return self.file.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The function, the view or the table of the triggers."""
        return self.file.rpartition("/")[2].removesuffix(".sql")

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.package}/schema/{self.file}"


def migrate(connection: Database, packages: Iterable[str] = PACKAGES) -> Migrated:
    """Migrate a database to the packages' SQL files in one transaction. Concurrent runs wait for each other.

    The login roles of processes then have exactly the rights of `database_roles.toml`.
    """
    with connection.transaction():
        done = apply(connection, [each for package in packages for each in schema_files(package)])
        grant(connection)
    return done


def schema_files(package: str) -> list[SchemaFile]:
    """A package's SQL files, numbered files first and in order; empty when it has no folder `schema`.

    Raises MigrationFault for a file whose name is neither numbered nor that of an object.
    """
    schema = files(package) / "schema"
    found = []
    for folder, form in (("", _NUMBERED), (_FUNCTIONS, _NAMED), (_VIEWS, _NAMED), (_TRIGGERS, _NAMED)):
        place = schema / folder if folder else schema
        if not place.is_dir():
            continue
        for each in sorted(place.iterdir(), key=lambda path: path.name):
            if not each.name.endswith(".sql"):
                continue
            file = f"{folder}/{each.name}".lstrip("/")
            if form.fullmatch(each.name) is None:
                wanted = "of what it defines" if folder else "and number, like 001_what_it_makes.sql"
                raise MigrationFault(f"{package}/schema/{file} must have the name {wanted}, in small letters")
            found.append(SchemaFile(package, file, each.read_text(encoding="utf-8")))
    return found


def apply(connection: Database, wanted: Iterable[SchemaFile]) -> Migrated:
    """Migrate a database to exactly these files. Raises MigrationFault and then changes nothing."""
    wanted = list(wanted)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_REGISTER)
        rows = connection.execute("SELECT package, file, sha256 FROM ledger.migrations")
        known = {(package, file): sha256 for package, file, sha256 in rows}
        gone = _gone(known, wanted)
        stale = _stale(connection, known, wanted)
        if stale or gone:
            _apply(connection, wanted, stale, gone)
    return Migrated(tuple(map(str, stale)), len(wanted) - len(stale), tuple(map(str, gone)))


def _gone(known: dict[tuple[str, str], str], wanted: Sequence[SchemaFile]) -> list[SchemaFile]:
    """Functions, views and triggers that were applied but have no file any more.

    Raises MigrationFault when a numbered file was changed or removed after it was applied.
    """
    by_key = {each.key: each for each in wanted}
    packages = {each.package for each in wanted}
    applied = [SchemaFile(package, file, "") for package, file in sorted(known) if package in packages]
    for each in applied:
        if each.folder:
            continue
        if each.key not in by_key:
            raise MigrationFault(f"{each} was applied to this database and is gone")
        if by_key[each.key].sha256 != known[each.key]:
            raise MigrationFault(f"{each} changed after it was applied to this database; add a new file instead")
    return [each for each in applied if each.key not in by_key]


def _stale(connection: Database, known: dict[tuple[str, str], str], wanted: Sequence[SchemaFile]) -> list[SchemaFile]:
    """The files that are not applied, changed since, or whose objects are missing."""
    present = _present(connection, wanted)
    return [each for each in wanted if known.get(each.key) != each.sha256 or (each.folder and each.key not in present)]


def _present(connection: Database, wanted: Sequence[SchemaFile]) -> set[tuple[str, str]]:
    schemas = sorted({each.package for each in wanted})
    return {(schema, file) for schema, file in connection.execute(_PRESENT, {"schemas": schemas})}


def _apply(
    connection: Database, wanted: Sequence[SchemaFile], stale: Sequence[SchemaFile], gone: Sequence[SchemaFile]
) -> None:
    views = [f"{each.package}.{each.name}" for each in _of(_VIEWS, [*wanted, *gone])]
    _run_selected(connection, "the views cannot be dropped to be made again", _DROP_VIEWS, {"views": views})
    for each in _of("", stale):
        _run(connection, str(each), each.sql)
    # A numbered file may have dropped a table with its triggers, or a function that it had to replace.
    present = _present(connection, wanted)
    due = [each for each in wanted if each in stale or (each.folder and each.key not in present)]
    _define(connection, due, gone)
    _check(connection, wanted)
    for each in stale:
        connection.execute(_RECORD, (each.package, each.file, each.sha256))
    for each in gone:
        connection.execute("DELETE FROM ledger.migrations WHERE package = %s AND file = %s", each.key)


def _define(connection: Database, due: Sequence[SchemaFile], gone: Sequence[SchemaFile]) -> None:
    """Create the functions, views and triggers that are due, and drop functions and triggers without a file."""
    # Functions use each other and the views in no fixed order, so bodies are checked once all of them exist.
    connection.execute("SET LOCAL check_function_bodies = off")
    for each in _of(_FUNCTIONS, due):
        _define_function(connection, each)
    for each in _in_order(_of(_VIEWS, due)):
        _run(connection, str(each), each.sql)
    for each in _of(_TRIGGERS, gone):
        _run_selected(connection, str(each), _DROP_TRIGGERS, _object(each))
    for each in _of(_TRIGGERS, due):
        _run_selected(connection, str(each), _DROP_TRIGGERS, _object(each))
        _run(connection, str(each), each.sql)
    for each in _of(_FUNCTIONS, gone):  # after the triggers, which may call them
        _run_selected(connection, f"{each} is gone", _DROP_FUNCTIONS, _object(each))


def _define_function(connection: Database, each: SchemaFile) -> None:
    """Replace a function in place, which keeps the triggers that call it; otherwise drop and create it."""
    before = list(connection.execute(_OIDS, _object(each)))
    if before and _replaced(connection, each) and list(connection.execute(_OIDS, _object(each))) == before:
        return
    _run_selected(connection, str(each), _DROP_FUNCTIONS, _object(each))
    _run(connection, str(each), each.sql)


def _replaced(connection: Database, each: SchemaFile) -> bool:
    """Whether the file replaced the function or added an overload; False when the result type differs."""
    try:
        with connection.transaction():
            _run_selected(connection, str(each), _RESET_GRANTS, _object(each))
            _run(connection, str(each), each.sql)
    except MigrationFault as fault:
        if getattr(fault.__cause__, "sqlstate", None) not in _NOT_REPLACEABLE:
            raise
        return False
    return True


def _check(connection: Database, wanted: Sequence[SchemaFile]) -> None:
    """Check that every file defines the object of its name, and that every function body is valid."""
    present = _present(connection, wanted)
    for each in wanted:
        if each.folder and each.key not in present:
            raise MigrationFault(f"{each} does not define {each.package}.{each.name}")
    connection.execute("SET LOCAL check_function_bodies = on")
    for each in _of(_FUNCTIONS, wanted):
        _run_selected(connection, str(each), _VALIDATE, _object(each))


def _of(folder: str, among: Sequence[SchemaFile]) -> list[SchemaFile]:
    return [each for each in among if each.folder == folder]


def _in_order(views: Sequence[SchemaFile]) -> list[SchemaFile]:
    """Views ordered so that each comes after those that it reads."""
    by_name = {f"{each.package}.{each.name}": each for each in views}
    reads = {}
    for name, each in by_name.items():
        words = set(re.findall(r"\w+\.\w+", re.sub(r"--.*", "", each.sql)))
        reads[name] = sorted(words & by_name.keys() - {name})
    try:
        return [by_name[name] for name in TopologicalSorter(reads).static_order()]
    except CycleError as error:
        raise MigrationFault(f"views read each other in a circle: {', '.join(error.args[1])}") from error


def _object(each: SchemaFile) -> dict[str, str]:
    return {"schema": each.package, "name": each.name}


def _run_selected(connection: Database, what: str, query: str, params: Parameters) -> None:
    """Run every statement that the query selects."""
    for (statement,) in list(connection.execute(query, params)):
        _run(connection, what, statement)


def _run(connection: Database, what: str, statements: str) -> None:
    try:
        connection.execute(statements)
    except Exception as error:  # the driver is not imported here; any of its errors is raised with the file's name
        raise MigrationFault(f"{what}: {error}") from error
