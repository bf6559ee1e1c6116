"""The PostgreSQL side of provisioning: create databases, schemas and roles if they are missing."""

from collections.abc import Iterable

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.identity.postgres_principals import add_local_principal
from ledger.migrate import migrate
from terminal.clock import machine_now
from tranche.provisioning.made import Made

_ROLES = "SELECT rolname FROM pg_roles"


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


def provide_local_principal(url: str) -> None:
    """Let a local runtime be worked on without a key. Only for a database of one machine."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        add_local_principal(connection, machine_now())
