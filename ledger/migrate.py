"""Act: apply each package's numbered SQL files, once and in order; a file that changed since is refused by name."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from ledger.database import Database
from terminal.fault import Fault

PACKAGES = ("ledger", "features", "lending", "payments", "serving")

_NUMBERED = re.compile(r"[0-9]{3}_[a-z0-9_]+\.sql")
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


class MigrationFault(Fault):
    """Raised when a schema file changed or vanished after it was applied, or is not numbered like the others."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a run applied, and how many files the database had already; files as `package/NNN_name.sql`."""

    applied: tuple[str, ...]
    already_applied: int


@dataclass(frozen=True, slots=True)
class SchemaFile:
    """One numbered file of a package."""

    package: str
    file: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.package}/schema/{self.file}"


def migrate(connection: Database, packages: Iterable[str] = PACKAGES) -> Migrated:
    """Bring a database up to date, whole or not at all; safe to run by several processes at once."""
    return apply(connection, [each for package in packages for each in schema_files(package)])


def schema_files(package: str) -> list[SchemaFile]:
    """A package's schema files in their order; none when it has no folder `schema`. Raises MigrationFault."""
    folder = files(package) / "schema"
    if not folder.is_dir():
        return []
    found = []
    for each in sorted(folder.iterdir(), key=lambda path: path.name):
        if not each.name.endswith(".sql"):
            continue
        if _NUMBERED.fullmatch(each.name) is None:
            raise MigrationFault(f"{package}/schema/{each.name} must be named like 001_what_it_makes.sql")
        found.append(SchemaFile(package, each.name, each.read_text(encoding="utf-8")))
    return found


def apply(connection: Database, wanted: Iterable[SchemaFile]) -> Migrated:
    """Apply the files that the database does not have yet. Raises MigrationFault before it changes anything."""
    wanted = list(wanted)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_REGISTER)
        rows = connection.execute("SELECT package, file, sha256 FROM ledger.migrations")
        known = {(package, file): sha256 for package, file, sha256 in rows}
        _check_known(known, wanted)
        missing = [each for each in wanted if (each.package, each.file) not in known]
        for each in missing:
            connection.execute(each.sql)
            connection.execute(
                "INSERT INTO ledger.migrations (package, file, sha256) VALUES (%s, %s, %s)",
                (each.package, each.file, each.sha256),
            )
    return Migrated(tuple(str(each) for each in missing), len(wanted) - len(missing))


def _check_known(known: dict[tuple[str, str], str], wanted: list[SchemaFile]) -> None:
    by_name = {(each.package, each.file): each for each in wanted}
    packages = {each.package for each in wanted}
    for (package, file), sha256 in sorted(known.items()):
        if package not in packages:
            continue
        if (package, file) not in by_name:
            raise MigrationFault(f"{package}/schema/{file} was applied to this database and is gone")
        if by_name[package, file].sha256 != sha256:
            raise MigrationFault(
                f"{package}/schema/{file} changed after it was applied to this database; add a new file instead"
            )
