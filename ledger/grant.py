"""Act: bring the grants of the processes' login roles to what `database_roles.toml` says, no less and no more."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ledger.database import Database
from terminal.fault import Fault

VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "USAGE")
_KEYS = {"meaning", "with", "tables", "functions"}

# The rights that the roles have now: on schemas, on tables, views and sequences, and on functions.
_PRESENT = """
SELECT grantee::regrole::text, 'SCHEMA', schema, privilege FROM (
    SELECT quote_ident(n.nspname) AS schema, a.grantee, a.privilege_type AS privilege
      FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a WHERE a.grantee <> 0) s
 WHERE grantee::regrole::text = ANY (%(roles)s)
UNION ALL
SELECT a.grantee::regrole::text, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
       n.nspname || '.' || c.relname, a.privilege_type
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(c.relacl) a
 WHERE a.grantee <> 0 AND a.grantee::regrole::text = ANY (%(roles)s)
UNION ALL
SELECT a.grantee::regrole::text, 'ROUTINE', n.nspname || '.' || p.proname, a.privilege_type
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace CROSS JOIN LATERAL aclexplode(p.proacl) a
 WHERE a.grantee <> 0 AND a.grantee::regrole::text = ANY (%(roles)s)
"""
_RELATIONS = """
SELECT n.nspname, c.relname, c.relkind = 'S'
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY (%(schemas)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
"""
_ROLES = "SELECT rolname FROM pg_roles WHERE rolname = ANY (%(roles)s)"


class RolesFault(Fault):
    """Raised when the file of database roles is malformed, or names what the database does not have."""


@dataclass(frozen=True, slots=True)
class DatabaseRole:
    """A login role: its verbs by table (`schema.table` or `schema.*`), and the functions it may execute."""

    name: str
    meaning: str
    tables: Mapping[str, frozenset[str]]
    functions: frozenset[str]


@dataclass(frozen=True, slots=True, order=True)
class Granted:
    """One right of one role: `kind` is SCHEMA, TABLE, SEQUENCE or ROUTINE."""

    role: str
    kind: str
    on: str
    verb: str

    @property
    def statement(self) -> str:
        return f"GRANT {self.verb} ON {self.kind} {self.on} TO {self.role}"

    @property
    def end(self) -> str:
        return f"REVOKE {self.verb} ON {self.kind} {self.on} FROM {self.role}"


@cache
def database_roles() -> Mapping[str, DatabaseRole]:
    """The roles of the file that comes with the package, by name."""
    return parse_roles((files("ledger") / "database_roles.toml").read_text(encoding="utf-8"))


def parse_roles(text: str) -> Mapping[str, DatabaseRole]:
    """Read a file of roles; raises RolesFault, which names the section."""
    tree = tomllib.loads(text)
    sets = tree.get("rights", {})
    roles = {}
    for name, section in tree.get("roles", {}).items():
        tables: dict[str, frozenset[str]] = {}
        functions: frozenset[str] = frozenset()
        for part in _with_its_sets(f"roles.{name}", section, sets):
            for on, verbs in part.get("tables", {}).items():
                tables[on] = tables.get(on, frozenset()) | _verbs(name, on, verbs)
            functions |= frozenset(part.get("functions", ()))
        roles[name] = DatabaseRole(name, str(section["meaning"]), tables, functions)
    return roles


def grant(connection: Database) -> tuple[Granted, ...]:
    """Give each role what is missing and take what is too much; returns what was given. Idempotent.

    Roles that the server does not have are left out: they come with the first schema file of this package that makes
    them. Requires the owner of the tables.
    """
    roles = database_roles()
    there = {name for (name,) in connection.execute(_ROLES, {"roles": sorted(roles)})}
    wanted = {right for name in there for right in _rights_of(connection, roles[name])}
    present = {Granted(*row) for row in connection.execute(_PRESENT, {"roles": sorted(there)})}
    for right in sorted(present - wanted):
        connection.execute(right.end)
    added = tuple(sorted(wanted - present))
    for right in added:
        connection.execute(right.statement)
    return added


def _rights_of(connection: Database, role: DatabaseRole) -> Iterator[Granted]:
    schemas = sorted({on.partition(".")[0] for on in role.tables})
    found = {
        (schema, name): sequence for schema, name, sequence in connection.execute(_RELATIONS, {"schemas": schemas})
    }
    present = {schema for schema, _ in found}
    for schema in schemas:
        if schema in present:
            yield Granted(role.name, "SCHEMA", schema, "USAGE")
    for on, verbs in role.tables.items():
        schema, _, table = on.partition(".")
        if schema not in present:
            continue  # the schema of a package that is not migrated here
        chosen = [name for (of, name), sequence in found.items() if of == schema and _is_meant(table, name, sequence)]
        if not chosen:
            raise RolesFault(f"ledger/database_roles.toml: {role.name}: there is no {on}")
        for name in chosen:
            kind = "SEQUENCE" if found[schema, name] else "TABLE"
            yield from (Granted(role.name, kind, f"{schema}.{name}", verb) for verb in verbs)
    yield from (Granted(role.name, "ROUTINE", each, "EXECUTE") for each in role.functions)


def _is_meant(table: str, name: str, sequence: bool) -> bool:
    return not sequence if table == "*" else table == name


def _with_its_sets(where: str, section: Mapping[str, Any], sets: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if unknown := sorted(section.keys() - _KEYS):
        raise RolesFault(f"ledger/database_roles.toml: {where}.{unknown[0]} is not known; possible are {sorted(_KEYS)}")
    yield section
    for name in section.get("with", ()):
        if name not in sets:
            raise RolesFault(f"ledger/database_roles.toml: {where}: there is no [rights.{name}]")
        yield from _with_its_sets(f"rights.{name}", sets[name], sets)


def _verbs(role: str, on: str, text: str) -> frozenset[str]:
    verbs = frozenset(text.split())
    if not verbs or verbs - {*VERBS}:
        raise RolesFault(f"ledger/database_roles.toml: {role}: {on} is {text!r}, not verbs of {', '.join(VERBS)}")
    return verbs
