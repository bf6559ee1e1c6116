"""Each kind of process connects as its own role, and is refused what is not its own."""

from dataclasses import replace

import psycopg
import pytest

from terminal.database import DatabaseProcess
from tests.tranche.builders import a_summary
from tranche.demo.postgres_roles import FORBIDDEN, NOT_ITS_OWN, role_seen
from tranche.report.summary import RoleSeen


def test_every_process_is_refused_what_is_not_its_own(database_url: str) -> None:
    for process in DatabaseProcess:
        seen = role_seen(process, database_url.replace("postgres@", f"{process.role}@"))

        assert seen == RoleSeen(process.role, len(FORBIDDEN) + len(NOT_ITS_OWN[process])), process


def test_a_right_too_much_and_another_user_break_a_promise(database_url: str) -> None:
    with psycopg.connect(database_url) as owner:
        owner.execute("GRANT USAGE ON SCHEMA payments TO tranche_lending")
        owner.execute("GRANT SELECT ON payments.lines TO tranche_lending")
    lending, books = DatabaseProcess.LENDING, DatabaseProcess.BOOKS
    seen = {
        "lending": role_seen(lending, database_url.replace("postgres@", f"{lending.role}@")),
        "books": role_seen(books, database_url),
    }

    broken = replace(a_summary(), database_roles=seen).broken_promises()

    assert broken[0] == "processes of books connect to the database as postgres, not as tranche_books"
    assert "the database let tranche_lending do what is forbidden to it: SELECT 1 FROM payments.lines" in broken
    assert any(each.startswith("the database let postgres do") for each in broken)


@pytest.mark.parametrize("process", DatabaseProcess)
def test_there_is_something_to_refuse_to_every_process(process: DatabaseProcess) -> None:
    assert NOT_ITS_OWN[process]
