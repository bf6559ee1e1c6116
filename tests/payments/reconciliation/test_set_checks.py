"""What the database refuses of rows that are added many at a time, where no foreign key asks for each of them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation

from payments.files.control_file import FileContent
from payments.reconciliation.postgres import PostgresReconciliation

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GROUP = "INSERT INTO payments.match_groups VALUES ('g', 'id', 1, '{}', false, '2026-03-02')"
NOT_THERE = [
    pytest.param(
        "INSERT INTO payments.lines (line_key, sha256, kind, line_id, amount_minor, currency, booked_on, reported_on)"
        " VALUES ('credit:x', repeat('0', 64), 'credit', 'x', 1, 'GBP', '2026-03-02', '2026-03-02')",
        id="a line of no file",
    ),
    pytest.param("INSERT INTO payments.group_lines VALUES ('credit:x', 'g')", id="no such line"),
    pytest.param("INSERT INTO payments.group_expectations VALUES ('payout:x', 'g')", id="no such expectation"),
]


@pytest.fixture
def connection(database_url: str) -> Any:
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("statement", NOT_THERE)
def test_a_row_about_what_is_not_there_is_refused(connection: psycopg.Connection[Any], statement: str) -> None:
    connection.execute(GROUP)

    with pytest.raises(ForeignKeyViolation, match="not there"):
        connection.execute(statement)


@pytest.mark.parametrize(
    ("attempt_id", "from_state", "to_state"),
    [
        pytest.param("no-attempt", "planned", "claimed", id="no such attempt"),
        pytest.param("a#1", "claimed", "claimed", id="not the state it is in"),
        pytest.param("a#1", "planned", "settled", id="not in the move table"),
    ],
)
def test_an_event_that_says_another_move_than_the_table_moves_nothing(
    connection: psycopg.Connection[Any], attempt_id: str, from_state: str, to_state: str
) -> None:
    connection.execute(
        "INSERT INTO payments.attempts (attempt_id, instalment_id, number, plan_id, shopper_id, account_id, provider,"
        " currency, fees_minor, interest_minor, principal_minor, due_on, requested_on, opens_plan)"
        " VALUES ('a#1', 'a', 1, 'p', 's', 'acc', 'sandbox', 'GBP', 0, 0, 5, '2026-03-02', '2026-03-02', false)"
    )

    with pytest.raises(CheckViolation) as caught:
        connection.execute(
            "INSERT INTO payments.attempt_events (attempt_id, event, from_state, to_state, cause, at)"
            " VALUES (%s, 'guard_passed', %s, %s, 'test', %s)",
            (attempt_id, from_state, to_state, NOON),
        )

    assert caught.value.diag.constraint_name == "legal_move"


def test_the_bytes_of_a_file_are_kept_in_parts_that_make_it_up_again(connection: psycopg.Connection[Any]) -> None:
    raw = bytes(range(256)) * 40_000
    kept = PostgresReconciliation(connection)
    content = FileContent(Path("a.csv"), raw)

    assert kept.take_file(content, "bank_statement", 0, NOON)
    query = "SELECT content FROM payments.file_parts WHERE sha256 = %s ORDER BY part"
    parts = [part for (part,) in connection.execute(query, (content.digest,))]

    assert len(parts) == 3
    assert b"".join(parts) == raw
