"""An order shipped in parts, over HTTP: accepted for the first part, the rest captured as the shop reports it."""

import json
from typing import Any

import httpx
import psycopg

from ledger.account import Side
from serving.settings import Settings
from tests.serving.checkout import Api
from tests.serving.test_accept import decide, posted, provider_url, shop

__all__ = ["provider_url", "shop"]


def accept_part(api: Api, decision_id: str, minor: int) -> httpx.Response:
    headers = {"Idempotency-Key": f"{decision_id}-{minor}"}
    return api.post(f"/v1/decisions/{decision_id}/accept", params={"shipped_minor": minor}, headers=headers)


def ship(api: Api, plan_id: str, minor: int, key: str = "s-2") -> httpx.Response:
    body = {"amount_minor": minor, "currency": "GBP"}
    return api.post(f"/v1/plans/{plan_id}/shipments", json=body, headers={"Idempotency-Key": key})


def exposure(api: Api, order_id: str, connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """What the shopper's next order finds owed and reserved; a merchant's key is not shown it."""
    decision_id = decide(api, order_id=order_id, product="monthly", duration_months=3, shopper_id="s-pays")
    query = "SELECT answer FROM lending.decisions WHERE decision_id = %s"
    row = connection.execute(query, (decision_id,)).fetchone()
    connection.rollback()
    assert row is not None
    found: dict[str, Any] = json.loads(row[0])["exposure"]
    return found


def test_a_part_is_captured_at_once_and_the_rest_when_it_is_shipped(shop: Api, settings: Settings) -> None:
    decision_id = decide(shop, product="monthly", duration_months=3, shopper_id="s-pays")

    first = accept_part(shop, decision_id, 5_000)
    plan_id = first.json()["plan_id"]
    owed = posted(settings, f"plan:{plan_id}:principal")
    second, again = ship(shop, plan_id, 4_000), ship(shop, plan_id, 4_000)

    assert (first.status_code, owed) == (201, 5_000)
    assert (second.status_code, second.json()["shipment"], second.json()["unshipped_minor"]) == (201, 2, 0)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert posted(settings, f"plan:{plan_id}:principal") == 9_000
    assert posted(settings, "merchant:m-1:payable", Side.CREDIT) == 9_000 - 450


def test_what_is_still_to_be_shipped_counts_in_the_exposure_until_it_is_shipped_or_cancelled(
    shop: Api, connection: psycopg.Connection[Any]
) -> None:
    decision_id = decide(shop, product="monthly", duration_months=3, shopper_id="s-pays")
    plan_id = accept_part(shop, decision_id, 5_000).json()["plan_id"]

    in_part = exposure(shop, "o-2", connection)
    ship(shop, plan_id, 4_000)
    shipped = exposure(shop, "o-3", connection)

    assert (in_part["outstanding_minor"], in_part["reserved_minor"]) == (5_000, 4_000)
    assert (shipped["outstanding_minor"], shipped["reserved_minor"]) == (9_000, 9_000), "and the second order"


def test_a_part_that_cannot_be_is_refused_and_nothing_is_captured(shop: Api) -> None:
    monthly = decide(shop, product="monthly", duration_months=3, shopper_id="s-pays")
    in_three = decide(shop, order_id="o-2", shopper_id="s-pays")

    for decision_id, minor, said in ((monthly, 9_000, "is no part"), (in_three, 5_000, "payment due today")):
        reply = accept_part(shop, decision_id, minor)
        assert (reply.status_code, reply.json()["type"].rpartition(":")[2]) == (409, "part-not-possible")
        assert said in reply.json()["detail"]
    plan_id = accept_part(shop, monthly, 5_000).json()["plan_id"]
    beyond = ship(shop, plan_id, 4_001)
    assert (beyond.status_code, beyond.json()["type"].rpartition(":")[2]) == (409, "act-refused")
    ship(shop, plan_id, 1_000)
    assert ship(shop, plan_id, 2_000).status_code == 422
    assert ship(shop, "p-none", 1_000, "s-3").status_code == 404
