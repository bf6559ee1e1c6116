"""A stop ends lending at once in its scope; what was decided before is still answered, and who stopped is on record."""

import json
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import add_principal
from lending.decision.lending_stop import StopFault
from lending.terms import policy_file
from lending.terms.policy import Policies
from serving.settings import Settings
from tests.command_line import acts_of
from tests.serving.checkout import NOON, Api, an_order_body, kept, publish

main = acts_of("policy")


def order(api: Api, order_id: str, **other: Any) -> httpx.Response:
    body = an_order_body(order_id=order_id, shopper_id=f"s-{order_id}", **other)
    return api.post("/v1/decisions", json=body, headers={"Idempotency-Key": order_id})


def stop(api: Api, key: str = "stop-1", **scope: str) -> httpx.Response:
    body = {"reason": "fraud at one merchant"} | scope
    return api.post("/v1/lending-stops", json=body, headers={"Idempotency-Key": key})


def lift(api: Api, key: str = "stop-1") -> httpx.Response:
    return api.post(f"/v1/lending-stops/{key}/lift", json={"reason": "over"})


def test_nothing_is_decided_while_lending_is_stopped(client: Api, connection: psycopg.Connection[Any]) -> None:
    publish(connection)
    before = order(client, "o-1")
    assert stop(client).status_code == 201
    counts = kept(connection)

    refused, again = order(client, "o-2"), order(client, "o-1")

    assert (refused.status_code, refused.json()["type"]) == (503, "urn:tranche:problem:lending-stopped")
    assert "fraud" not in refused.text, "why is the lender's own"
    assert (again.status_code, again.content) == (201, before.content), "what was decided is answered as it was"
    assert kept(connection) == counts
    assert lift(client).status_code == 200
    assert order(client, "o-2").status_code == 201


@pytest.mark.parametrize(
    ("scope", "stops"),
    [
        ({}, True),
        ({"currency": "GBP"}, True),
        ({"product": "pay_in_3"}, True),
        ({"currency": "GBP", "product": "pay_in_3"}, True),
        ({"currency": "CZK"}, False),
        ({"product": "monthly"}, False),
        ({"currency": "CZK", "product": "pay_in_3"}, False),
    ],
)
def test_a_stop_holds_in_its_scope_alone(client: Api, scope: dict[str, str], stops: bool) -> None:
    assert stop(client, **scope).status_code == 201
    assert order(client, "o-1").status_code == (503 if stops else 201)


def test_another_stop_still_holds_when_one_is_lifted(client: Api) -> None:
    stop(client, "stop-1", currency="GBP")
    stop(client, "stop-2")
    lift(client, "stop-2")

    assert order(client, "o-1").status_code == 503
    assert lift(client, "stop-1").status_code == 200
    assert lift(client, "stop-1").status_code == 404, "it holds no more"
    assert order(client, "o-1").status_code == 201


def test_a_product_that_is_stopped_is_no_alternative(client: Api, connection: psycopg.Connection[Any]) -> None:
    publish(connection)

    def products(order_id: str) -> set[str]:
        return {each["product"] for each in order(client, order_id, alternatives=True).json()["offers"]}

    assert "pay_in_4" in products("o-1")
    stop(client, product="pay_in_4")
    assert products("o-2") == products("o-1") - {"pay_in_4"}


def test_a_key_names_one_stop(client: Api) -> None:
    first, again, other = stop(client), stop(client), stop(client, currency="GBP")

    assert (first.status_code, again.json(), other.status_code) == (201, first.json(), 422)
    (listed,) = client.get("/v1/lending-stops").json()["stops"]
    assert (listed["stopped_by"], listed["reason"], listed["lifted_at"]) == ("local", "fraud at one merchant", None)


def test_only_some_roles_may_stop_and_the_database_keeps_who_did(
    client: Api, connection: psycopg.Connection[Any]
) -> None:
    key = add_principal("ann", "agent", expires_at=None, principals=PostgresPrincipals(connection), at=NOON)
    connection.commit()
    refused = client.post(
        "/v1/lending-stops",
        json={"reason": "x"},
        headers={"Idempotency-Key": "k", "Authorization": f"Bearer {key}"},
    )
    assert refused.status_code == 403
    stop(client)
    for change in ("DELETE FROM {}", "UPDATE {} SET reason = 'x'"):
        with pytest.raises(InsufficientPrivilege):
            connection.execute(change.format("lending.lending_stops"))
        connection.rollback()


def test_the_commands_stop_list_and_lift(
    client: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TRANCHE_MODELS_DIR", str(settings.models_dir))

    def told(*arguments: str) -> dict[str, Any]:
        assert main([*arguments, "--json"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    made = told("stop", "--currency", "GBP", "--reason", "a fault of the model")
    assert (made["scope"], made["stopped_by"]) == ("lending in GBP", "local")
    assert order(client, "o-1").status_code == 503
    assert [each["stop_id"] for each in told("stops")["stops"]] == [made["stop_id"]]
    told("lift", made["stop_id"], "--reason", "mended")
    assert order(client, "o-1").status_code == 201
    with pytest.raises(StopFault, match="there is no stop"):
        main(["lift", made["stop_id"], "--reason", "again"])


def test_a_decision_is_answered_though_its_policy_is_gone(
    client: Api, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    publish(connection)
    before = order(client, "o-1")
    kept_policies = [each for each in policy_file.load_policies() if each.policy_id != "gb-pay-in-3"]
    object.__setattr__(client.desk, "policies", Policies(kept_policies))

    assert order(client, "o-1").content == before.content
    assert order(client, "o-2").json()["type"] == "urn:tranche:problem:no-policy"
