"""Every reading of what is kept of a person is on record, with its purpose, before it is answered."""

import json
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from ledger.identity.authority import Right, authority_file
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import add_principal
from serving.entrance.access_record import PURPOSE
from serving.settings import Settings
from tests.serving.checkout import NOON, Api, an_order_body, publish
from tranche.__main__ import main


@pytest.fixture
def decided(client: Api, connection: psycopg.Connection[Any]) -> str:
    publish(connection)
    answer = client.post("/v1/decisions", json=an_order_body(), headers={"Idempotency-Key": "k"})
    decision: str = answer.json()["decision_id"]
    return decision


def key_of(connection: psycopg.Connection[Any], role: str) -> dict[str, str]:
    principals = PostgresPrincipals(connection)
    key = add_principal(f"one-{role}", role, expires_at=None, principals=principals, at=NOON)
    connection.commit()
    return {"Authorization": f"Bearer {key}"}


def on_record(client: Api, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/accesses", params=asked).json()["accesses"]
    return found


def test_a_reading_is_on_record_with_its_purpose(
    client: Api, connection: psycopg.Connection[Any], decided: str
) -> None:
    agent = key_of(connection, "agent")

    def read(path: str, purpose: str | None = None) -> httpx.Response:
        return client.get(path, headers=agent | ({} if purpose is None else {PURPOSE: purpose}))

    assert read(f"/v1/decisions/{decided}").status_code == 200
    assert read("/v1/plans/p-none/history", "complaint").status_code == 404, "asking is on record as well"
    refused = read(f"/v1/decisions/{decided}", "audit")

    assert (refused.status_code, refused.json()["type"]) == (403, "urn:tranche:problem:not-for-this")
    found = [(each["purpose"], each["route"], each["subject"]) for each in on_record(client, principal_id="one-agent")]
    assert found == [
        ("complaint", "/v1/plans/{plan_id}/history", "plan_id=p-none"),
        ("service", "/v1/decisions/{decision_id}", f"decision_id={decided}"),
    ]
    assert [each["principal_id"] for each in on_record(client, subject=f"decision_id={decided}")] == ["one-agent"]


def test_a_reading_that_cannot_be_put_on_record_is_not_answered(
    client: Api, connection: psycopg.Connection[Any], decided: str
) -> None:
    connection.execute("ALTER TABLE serving.access_records RENAME TO gone")
    connection.commit()
    try:
        answer = client.get(f"/v1/decisions/{decided}")
    finally:
        connection.execute("ALTER TABLE serving.gone RENAME TO access_records")
        connection.commit()
    assert answer.status_code == 500
    assert "shopper_id" not in answer.text


def test_the_database_keeps_what_was_read(client: Api, connection: psycopg.Connection[Any], decided: str) -> None:
    client.get(f"/v1/decisions/{decided}")
    for change in ("DELETE FROM {}", "UPDATE {} SET purpose = 'x'", "TRUNCATE {}"):
        with pytest.raises(InsufficientPrivilege):
            connection.execute(change.format("serving.access_records"))
        connection.rollback()


def test_readings_come_in_pages_without_a_gap(client: Api, decided: str) -> None:
    for _ in range(5):
        client.get(f"/v1/decisions/{decided}")
    pages, before = [], None
    while True:
        asked = {"limit": 2} | ({} if before is None else {"before": before})
        page = client.get("/v1/accesses", params=asked).json()
        pages.append([each["number"] for each in page["accesses"]])
        before = page["next_before"]
        if before is None:
            break
    numbers = [number for page in pages for number in page]
    assert ([len(page) for page in pages], numbers) == ([2, 2, 1], sorted(numbers, reverse=True))


def test_every_role_that_reads_has_a_purpose_and_only_an_auditor_sees_who_read() -> None:
    roles = authority_file().roles.values()
    assert all(role.reads_for for role in roles if role.has(Right.READ))
    assert {role.name for role in roles if role.has(Right.ACCESSES)} == {"auditor", "owner"}


def test_the_command_prints_them(
    client: Api, settings: Settings, decided: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client.get(f"/v1/decisions/{decided}")
    monkeypatch.setenv("TRANCHE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TRANCHE_MODELS_DIR", str(settings.models_dir))

    assert main(["serving", "accesses", "--subject", f"decision_id={decided}", "--json"]) == 0

    (found,) = json.loads(capsys.readouterr().out)["accesses"]
    assert (found["principal_id"], found["purpose"]) == ("local", "service")
