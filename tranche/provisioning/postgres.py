"""The PostgreSQL side of provisioning: create databases, schemas and roles if they are missing."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.identity.change_keys import By, make_key
from ledger.identity.key import hash_of_key
from ledger.identity.postgres_principals import PostgresPrincipals, add_local_principal
from ledger.identity.principal import LOCAL
from ledger.migrate import migrate
from terminal.clock import machine_now
from tranche.provisioning.made import Made

_ROLES = "SELECT rolname FROM pg_roles"
_TABLES_OF_ANOTHER = """
SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner <> %s ORDER BY tablename
"""


def provide_databases(urls: Iterable[str]) -> list[Made]:
    """Create each missing database; the right to create databases is needed only then."""
    made = []
    for url in urls:
        if _answers(url):
            continue
        name = str(conninfo_to_dict(url)["dbname"])
        with psycopg.connect(make_conninfo(url, dbname="postgres", connect_timeout=10), autocommit=True) as connection:
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                continue  # another process created it at the same time
            made.append(Made("PostgreSQL database", name))
    return made


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.OperationalError:
        return False
    return True


def provide_schema(url: str) -> list[Made]:
    """Migrate every package's tables, and the roles that own or use them, to the newest version."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        before = {name for (name,) in connection.execute(_ROLES)}
        applied = migrate(connection).applied
        roles = sorted({name for (name,) in connection.execute(_ROLES)} - before)
    return [*(Made("role", name) for name in roles), *(Made("tables of", each) for each in applied)]


def provide_registry(url: str, role: str) -> list[Made]:
    """Let MLflow's database belong to a login role of its own, which has nothing of the platform's; safe to repeat.

    `url` is that database as a superuser. Tables that an earlier runtime made are handed over.
    """
    made = []
    with psycopg.connect(url, connect_timeout=10) as connection:
        owner, name = sql.Identifier(role), sql.Identifier(str(connection.info.dbname))
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(owner))
            made.append(Made("role", role))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, owner))
        connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
        for (table,) in connection.execute(_TABLES_OF_ANOTHER, (role,)).fetchall():
            connection.execute(sql.SQL("ALTER TABLE public.{} OWNER TO {}").format(sql.Identifier(table), owner))
    return made


def provide_local_principal(url: str, key_file: Path) -> None:
    """Let commands be used without a key, and leave a key for the API in a file that only this user reads.

    Only for a database of one machine. A key that still works stays; when the principal was revoked, none is made.
    """
    with psycopg.connect(url, connect_timeout=10) as connection:
        at = machine_now()
        add_local_principal(connection, at)
        principals = PostgresPrincipals(connection)
        local = principals.by_id(LOCAL)
        if local is None or not local.valid_at(at) or _still_works(key_file, principals, at):
            return
        made = make_key(LOCAL, By(LOCAL, at, "the runtime's own"), expires_at=None, principals=principals)
        draft = key_file.with_suffix(".part")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(f"{made.secret}\n", encoding="ascii")
        draft.replace(key_file)


def _still_works(key_file: Path, principals: PostgresPrincipals, at: datetime) -> bool:
    if not key_file.is_file():
        return False
    known = principals.by_key(hash_of_key(key_file.read_text(encoding="ascii").strip()))
    return known is not None and known.key.valid_at(at)
