"""A shopper pays over HTTP: with a key whose role may take payments, charged once, settled by the quote of the day."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import add_principal
from serving.settings import Settings
from tests.serving.checkout import NOON, Api, running
from tests.serving.test_accept import accept, decide, provider_url, shop

__all__ = ["provider_url", "shop"]


def servicing(connection: psycopg.Connection[Any]) -> dict[str, str]:
    key = add_principal("ann", "servicing", expires_at=None, principals=PostgresPrincipals(connection), at=NOON)
    connection.commit()
    return {"Authorization": f"Bearer {key}"}


def a_monthly_plan(api: Api) -> str:
    reply = accept(api, decide(api, product="monthly", duration_months=3, shopper_id="s-pays"))
    return str(reply.json()["plan_id"])


def send(api: Api, plan_id: str, body: dict[str, Any], by: dict[str, str], **other: str) -> httpx.Response:
    key, query = other.get("key", "k"), other.get("query", "")
    headers = {"Idempotency-Key": key, **by}
    return api.post(f"/v1/plans/{plan_id}/payments{query}", json=body, headers=headers)


def test_a_part_then_the_payoff_settle_the_plan_and_each_is_charged_once(
    shop: Api, connection: psycopg.Connection[Any]
) -> None:
    ann, plan_id = servicing(connection), a_monthly_plan(shop)
    part = {"amount_minor": 20_00, "currency": "GBP"}

    preview = send(shop, plan_id, part, ann, query="?preview=true")
    first, again = send(shop, plan_id, part, ann), send(shop, plan_id, part, ann)
    rest = send(shop, plan_id, {"payoff": True}, ann, key="rest")
    events = [each["kind"] for each in shop.get(f"/v1/plans/{plan_id}/history", headers=ann).json()["events"]]

    assert (preview.status_code, preview.json()["after"]["owed_minor"]) == (200, first.json()["owed_minor"])
    assert (first.status_code, again.status_code, again.headers["Idempotency-Replayed"]) == (201, 201, "true")
    assert again.json() == {**first.json(), "new": False}
    assert (rest.status_code, rest.json()["owed_minor"], rest.json()["plan_status"]) == (201, 0, "paid")
    assert events == ["opened", "paid", "paid_off"]


def test_what_is_not_taken_is_a_problem_that_says_why(shop: Api, connection: psycopg.Connection[Any]) -> None:
    ann, plan_id = servicing(connection), a_monthly_plan(shop)
    pound = {"amount_minor": 1_00, "currency": "GBP"}
    send(shop, plan_id, pound, ann, key="used")

    found = {
        name: (reply.status_code, reply.json()["type"].rpartition(":")[2])
        for name, reply in {
            "more": send(shop, plan_id, {"amount_minor": 500_00, "currency": "GBP"}, ann),
            "euros": send(shop, plan_id, {"amount_minor": 1_00, "currency": "EUR"}, ann),
            "both": send(shop, plan_id, {**pound, "payoff": True}, ann),
            "neither": send(shop, plan_id, {}, ann),
            "a shop": send(shop, plan_id, pound, {}),
            "no plan": send(shop, "p-nothing", pound, ann),
            "another amount": send(shop, plan_id, {"amount_minor": 2_00, "currency": "GBP"}, ann, key="used"),
            "a wrong key": send(shop, plan_id, pound, {"Authorization": "Bearer trk_x"}),
        }.items()
    }

    assert found == {
        "more": (409, "more-than-owed"),
        "euros": (422, "wrong-currency"),
        "both": (422, "invalid"),
        "neither": (422, "invalid"),
        "a shop": (403, "not-in-role"),
        "no plan": (404, "not-found"),
        "another amount": (422, "key-reused"),
        "a wrong key": (401, "wrong-key"),
    }


def test_a_card_that_does_not_pay_is_a_refusal_and_nothing_changes(
    settings: Settings, provider_url: str, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    ann = servicing(connection)
    with running(replace(settings, provider_url=provider_url)) as api:
        reply = accept(api, decide(api, product="monthly", duration_months=3, shopper_id="s-stops_paying"))
        plan_id = reply.json()["plan_id"]
        answer = send(api, plan_id, {"payoff": True}, ann)
        quote = api.get(f"/v1/plans/{plan_id}/quote?on={(NOON + timedelta(days=0)).date()}", headers=ann).json()

    assert answer.status_code == 402
    assert answer.json()["type"].endswith("payment-refused")
    assert quote["in_flight_minor"] == 0
