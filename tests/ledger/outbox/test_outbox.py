from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from ledger.books.store import Conflict
from ledger.outbox.outbox import Fact, append, append_all, fact
from tests.ledger.builders import NOON

Connection = psycopg.Connection[Any]
FACT: dict[str, Any] = {
    "event_id": "plan:p-1",
    "event_type": "plan_opened.v1",
    "key": "808",
    "payload": {"plan_id": "p-1", "principal_minor": 10000},
    "occurred_at": NOON,
    "recorded_at": NOON,
}


def test_a_fact_is_kept_once(connection: Connection) -> None:
    connection.execute("SET ROLE tranche_application")

    assert append(connection, **FACT) is True
    assert append(connection, **{**FACT, "recorded_at": NOON + timedelta(days=1)}) is False
    rows = connection.execute("SELECT event_id, payload FROM ledger.outbox").fetchall()
    assert rows == [("plan:p-1", FACT["payload"])]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_type", "plan_closed.v1"),
        ("key", "809"),
        ("payload", {"plan_id": "p-1", "principal_minor": 10001}),
        ("occurred_at", NOON + timedelta(seconds=1)),
    ],
)
def test_another_content_under_a_known_id_is_a_conflict(connection: Connection, field: str, value: object) -> None:
    append(connection, **FACT)

    with pytest.raises(Conflict, match=field):
        append(connection, **{**FACT, field: value})


def test_many_facts_are_kept_in_order_and_once(connection: Connection) -> None:
    connection.execute("SET ROLE tranche_application")
    facts = [Fact(**{**FACT, "event_id": f'plan:"{number}"\\', "payload": {"n": number}}) for number in range(50)]

    assert append_all(connection, facts) == 50
    assert append_all(connection, [*facts, Fact(**FACT)]) == 1
    assert append_all(connection, []) == 0
    rows = connection.execute("SELECT event_id FROM ledger.outbox ORDER BY position").fetchall()
    assert [event_id for (event_id,) in rows] == [*(fact.event_id for fact in facts), "plan:p-1"]
    with pytest.raises(Conflict, match="key"):
        append_all(connection, [Fact(**{**FACT, "event_id": "new"}), Fact(**{**FACT, "key": "809"})])


def test_a_fact_that_is_told_again_later_is_the_same_fact(connection: Connection) -> None:
    def told(recorded_at: datetime, **columns: Any) -> Fact:
        return fact("plan_opened.v1", "plan:p-1", "p-1", columns, occurred_at=NOON, recorded_at=recorded_at)

    assert append_all(connection, [told(NOON, plan_id="p-1")]) == 1
    assert append_all(connection, [told(NOON + timedelta(days=1), plan_id="p-1")]) == 0
    with pytest.raises(Conflict, match="payload"):
        append_all(connection, [told(NOON, plan_id="p-2")])


def test_nothing_is_known_before_it_happened() -> None:
    """A provider's file can contain rows of a day that is not over."""
    early = fact("settlement_line.v1", "l-1", "p-1", {}, occurred_at=NOON, recorded_at=NOON - timedelta(hours=3))

    assert early.recorded_at == early.occurred_at == NOON
    assert early.payload["recorded_at"] == early.payload["occurred_at"] == "2026-01-10T12:00:00.000000Z"
