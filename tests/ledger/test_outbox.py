from datetime import timedelta
from typing import Any

import psycopg
import pytest

from ledger.outbox import Fact, append, append_all
from ledger.store import Conflict
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
