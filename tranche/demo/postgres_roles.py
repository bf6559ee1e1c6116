"""As whom each kind of process of a run connects to the database, and that it is refused what is not its own."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.errors import InsufficientPrivilege

from terminal.database import DatabaseProcess
from tranche.demo.course import DemoPlace
from tranche.demo.stages import DemoStages
from tranche.report.summary import RoleSeen
from tranche.report.wording import count

FORBIDDEN = (
    "UPDATE ledger.transfers SET amount_minor = amount_minor + 1",
    "DELETE FROM lending.plan_events",
    "UPDATE ledger.balances SET credits_posted = credits_posted + 1",
    "CREATE TABLE ledger.second_books ()",
    "ALTER TABLE ledger.transfers DISABLE TRIGGER ALL",
    "SET ROLE tranche_poster",
)
"""What no process may do."""

NOT_ITS_OWN: Mapping[DatabaseProcess, tuple[str, ...]] = {
    DatabaseProcess.SERVING: (
        "INSERT INTO payments.lines DEFAULT VALUES",
        "INSERT INTO ledger.periods DEFAULT VALUES",
        "INSERT INTO lending.business_dates DEFAULT VALUES",
        "INSERT INTO features.vectors DEFAULT VALUES",
        "INSERT INTO ledger.principal_keys DEFAULT VALUES",
    ),
    DatabaseProcess.PAYMENTS: (
        "SELECT 1 FROM features.vectors",
        "INSERT INTO lending.decisions DEFAULT VALUES",
        "INSERT INTO lending.acts DEFAULT VALUES",
        "INSERT INTO lending.business_dates DEFAULT VALUES",
    ),
    DatabaseProcess.LENDING: (
        "SELECT 1 FROM payments.lines",
        "INSERT INTO payments.attempts DEFAULT VALUES",
        "INSERT INTO lending.decisions DEFAULT VALUES",
        "SELECT 1 FROM features.vectors",
    ),
    DatabaseProcess.BOOKS: ("SELECT 1 FROM lending.plans", "SELECT 1 FROM payments.lines"),
    DatabaseProcess.IDENTITY: ("INSERT INTO ledger.transfers DEFAULT VALUES", "SELECT 1 FROM lending.plans"),
    DatabaseProcess.FEATURES: ("SELECT 1 FROM ledger.balances", "SELECT 1 FROM lending.plans"),
    DatabaseProcess.RELAY: ("INSERT INTO ledger.outbox DEFAULT VALUES", "SELECT 1 FROM payments.lines"),
    DatabaseProcess.READER: (
        "INSERT INTO ledger.outbox DEFAULT VALUES",
        "UPDATE ledger.relay_positions SET position = 0",
        "INSERT INTO payments.breaks DEFAULT VALUES",
    ),
}
"""What only another kind of process may do. None of these changes anything: each is rolled back."""

_SESSIONS = """
SELECT DISTINCT usename FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = 'tranche-serving' ORDER BY usename
"""


def try_roles(stages: DemoStages, place: DemoPlace) -> dict[str, RoleSeen]:
    """Connect as each kind of process and try what it may not do; the API is asked for while it runs."""
    with stages.stage("roles", "as whom each process connects, and what it is refused") as say:
        seen = {process.value: role_seen(process, place.database(process)) for process in DatabaseProcess}
        say(", ".join(f"{process} as {role.name}" for process, role in seen.items()))
        with psycopg.connect(place.database(DatabaseProcess.READER)) as connection:
            users = [user for (user,) in connection.execute(_SESSIONS)]
        refused = sum(role.refused for role in seen.values())
        say(f"{count(refused)} forbidden statements refused; the API's sessions are of {', '.join(users) or 'nobody'}")
        if users and users != [DatabaseProcess.SERVING.role]:
            serving = seen[DatabaseProcess.SERVING]
            seen[DatabaseProcess.SERVING] = RoleSeen(", ".join(users), serving.refused, serving.done)
    return seen


def role_seen(process: DatabaseProcess, database_url: str) -> RoleSeen:
    """The user of a connection, and which of the forbidden statements were refused to it and which were done."""
    with psycopg.connect(database_url) as connection:
        (user,) = connection.execute("SELECT current_user").fetchone() or ("",)
        done = tuple(each for each in (*FORBIDDEN, *NOT_ITS_OWN[process]) if not _is_refused(connection, each))
        return RoleSeen(user, len(FORBIDDEN) + len(NOT_ITS_OWN[process]) - len(done), done)


def _is_refused(connection: psycopg.Connection[Any], statement: str) -> bool:
    try:
        connection.execute(statement.encode())
    except InsufficientPrivilege:
        return True
    except psycopg.Error:  # it got as far as another fault: the right is there
        return False
    else:
        return False
    finally:
        connection.rollback()
