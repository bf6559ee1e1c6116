"""A merchant's principal sees and acts on what is its merchant's; everything else is as if it were not there."""

from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest

from lending.canonical import canonical
from serving.settings import Settings
from tests.serving.checkout import Api, a_merchants_key, an_order_body, local_key, publish, running
from tests.serving.test_accept import provider_url

__all__ = ["provider_url"]

SECRETS = ("income", "obligations", "probability", "log_odds", "exposure", "rule", "margin", "contribution", "model")
"""Words of what is known of a shopper beside the order."""


class Shops:
    """Two merchants with a key each, the back office, and one API."""

    def __init__(self, api: Api, keys: dict[str, str]) -> None:
        self.api, self.keys = api, keys

    def send(
        self, who: str, method: str, path: str, body: dict[str, Any] | None = None, key: str = "k-1"
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[who]}", "Idempotency-Key": key}
        return self.api.request(method, path, json=body, headers=headers)

    def decide(self, who: str, key: str = "k-1", **other: Any) -> httpx.Response:
        body = an_order_body(**{"product": "monthly", "duration_months": 3, "shopper_id": "s-pays", **other})
        return self.send(who, "POST", "/v1/decisions", body, key)

    def plan(self, who: str, **other: Any) -> str:
        """The id of a plan of this merchant."""
        decided = self.decide(who, merchant_id=who, **other).json()
        accepted = self.send(who, "POST", f"/v1/decisions/{decided['decision_id']}/accept")
        assert accepted.status_code == 201, accepted.text
        return str(accepted.json()["plan_id"])


@pytest.fixture
def shops(settings: Settings, provider_url: str, connection: psycopg.Connection[Any]) -> Any:
    keys = {merchant: a_merchants_key(connection, merchant) for merchant in ("m-1", "m-2")}
    with running(replace(settings, provider_url=provider_url)) as api:
        yield Shops(api, keys | {"us": local_key(settings.database_url)})


def told(answer: httpx.Response, *ids: str) -> tuple[int, str]:
    """What a caller learns, without the ids that it sent itself and the trace."""
    text = canonical({name: value for name, value in answer.json().items() if name != "trace_id"})
    for each in sorted(ids, key=len, reverse=True):
        text = text.replace(each, "ID")
    return answer.status_code, text


def test_a_merchants_view_of_a_decision_has_nothing_that_is_known_of_the_shopper_beside_the_order(
    shops: Shops, connection: psycopg.Connection[Any]
) -> None:
    publish(connection, "a-poor", income_mean_180d=110_000.0)
    publish(connection, "a-risky", balance_low_90d=-1.0, overdraft_days_180d=9.0)
    outcomes = set()
    for number, account in enumerate(["a-1", "a-unseen", "a-risky", "a-poor"]):
        order = {"order_id": f"o-{number}", "account_id": account, "shopper_id": f"s-{number}", "amount_minor": 48_000}
        own = shops.decide("m-1", f"k-{number}", product="pay_in_3", duration_months=None, **order)
        again = shops.decide("m-1", f"k-{number}", product="pay_in_3", duration_months=None, **order)
        read = shops.send("m-1", "GET", own.headers["Location"])
        full = shops.send("us", "GET", own.headers["Location"]).json()
        outcomes.add(own.json()["outcome"])

        assert own.content == again.content == read.content
        assert own.json() == {name: full[name] for name in own.json()} | {"reasons": own.json()["reasons"]}
        assert [each["code"] for each in own.json()["reasons"]] == [each["code"] for each in full["reasons"]]
        assert {"score", "affordability", "exposure", "policy", "model", "inputs"} & own.json().keys() == set()
        for reason in own.json()["reasons"]:
            assert reason.keys() == {"rank", "code", "text", "stage"}
        names = " ".join(_names(own.json()))
        assert [word for word in SECRETS if word in names] == []
        assert {"score", "affordability", "exposure"} <= full.keys()
    assert outcomes == {"approved", "approved_reduced", "declined", "referred"}


def _names(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        return [*tree, *(name for each in tree.values() for name in _names(each))]
    return [name for each in tree for name in _names(each)] if isinstance(tree, list) else []


@pytest.mark.parametrize("merchant", ["m-2", None])
def test_a_merchant_asks_for_decisions_of_its_own_orders_alone(
    shops: Shops, connection: psycopg.Connection[Any], merchant: str | None
) -> None:
    answer = shops.decide("m-1", merchant_id=merchant)

    assert (answer.status_code, answer.json()["type"]) == (403, "urn:tranche:problem:other-merchant")
    assert answer.json()["errors"][0]["field"] == "/merchant_id"
    assert connection.execute("SELECT count(*) FROM lending.decisions").fetchone() == (0,)
    assert shops.decide("us", merchant_id=merchant).status_code == 201


def test_a_merchant_does_not_see_what_the_lender_decided_on_a_plan_nor_why(shops: Shops) -> None:
    plan_id = shops.plan("m-1")
    why = {"reason": "the shopper died"}
    assert shops.send("us", "POST", f"/v1/plans/{plan_id}/freeze", why).status_code == 201

    ours, theirs = (shops.send(who, "GET", f"/v1/plans/{plan_id}/history").json() for who in ("us", "m-1"))

    assert [act["reason"] for act in ours["acts"]] == ["the shopper died"]
    assert theirs["acts"] == []
    assert "died" not in canonical(theirs)
    assert [each["kind"] for each in theirs["events"]] == [each["kind"] for each in ours["events"]]


def test_a_strangers_ids_answer_exactly_like_unknown_ones(shops: Shops, connection: psycopg.Connection[Any]) -> None:
    plan_id = shops.plan("m-1")
    (decision_id,) = connection.execute("SELECT decision_id FROM lending.decisions").fetchone() or ("",)
    pound: dict[str, Any] = {"amount_minor": 1_00, "currency": "GBP"}
    requests: list[tuple[str, str, dict[str, Any] | None]] = [
        ("GET", "/v1/decisions/{decision}", None),
        ("POST", "/v1/decisions/{decision}/accept", None),
        ("GET", "/v1/plans/{plan}", None),
        ("GET", "/v1/plans/{plan}/history", None),
        ("GET", "/v1/plans/{plan}/quote", None),
        ("POST", "/v1/plans/{plan}/refunds", pound),
        ("POST", "/v1/plans/{plan}/refund", {**pound, "reason": "x"}),
        ("POST", "/v1/plans/{plan}/refund?preview=true", {**pound, "reason": "x"}),
        ("POST", "/v1/acts/refund", {"reason": "x", "rows": [{"plan_id": "{plan}", "amount": "1.00 GBP"}]}),
    ]
    for number, (method, path, body) in enumerate(requests):
        found = []
        for decision, plan in ((decision_id, plan_id), ("d-none", "p-none")):
            url = path.format(decision=decision, plan=plan)
            sent = body and {**body, "rows": [{"plan_id": plan, "amount": "1.00 GBP"}]} if "acts" in path else body
            found.append(told(shops.send("m-2", method, url, sent, f"k-{number}"), decision, plan))
        assert found[0] == found[1], path
        assert found[0][0] == (200 if "acts" in path else 404), path
    assert shops.send("m-1", "GET", f"/v1/plans/{plan_id}").json()["refunded_minor"] == 0


def test_proposals_of_another_merchants_plans_are_not_there(shops: Shops) -> None:
    plan_id = shops.plan("m-1", amount_minor=200_000, order_id="o-big")
    beyond = {"amount_minor": 1_500_00, "currency": "GBP", "reason": "all of it"}
    proposal = shops.send("m-1", "POST", f"/v1/plans/{plan_id}/refund", beyond).json()["proposal_id"]

    for act in ("approve", "withdraw"):
        sent = {"reason": "x"} if act == "withdraw" else None
        known, unknown = (shops.send("m-2", "POST", f"/v1/proposals/{each}/{act}", sent) for each in (proposal, "m.no"))
        assert told(known, proposal) == told(unknown, "m.no")
        assert known.status_code == 404
    assert shops.send("m-2", "GET", "/v1/proposals").json() == {"proposals": []}
    assert [each["proposal_id"] for each in shops.send("m-1", "GET", "/v1/proposals").json()["proposals"]] == [proposal]
    assert len(shops.send("us", "GET", "/v1/proposals").json()["proposals"]) == 1


def test_two_merchants_may_use_one_key_and_are_independent(shops: Shops, connection: psycopg.Connection[Any]) -> None:
    plans = {merchant: shops.plan(merchant, order_id="o-1") for merchant in ("m-1", "m-2")}
    assert len(set(plans.values())) == 2

    refunds = {
        merchant: shops.send(
            merchant, "POST", f"/v1/plans/{plan}/refunds", {"amount_minor": minor, "currency": "GBP"}, "r"
        )
        for (merchant, plan), minor in zip(plans.items(), (10_00, 20_00), strict=True)
    }

    assert [each.status_code for each in refunds.values()] == [201, 201]
    assert [each.json()["refund_id"] for each in refunds.values()] == ["m-1.r", "m-2.r"]
    left = {each: shops.send(each, "GET", f"/v1/plans/{plan}").json()["refunded_minor"] for each, plan in plans.items()}
    assert left == {"m-1": 10_00, "m-2": 20_00}
    owners = connection.execute(
        "SELECT DISTINCT owner, sent_by FROM serving.idempotency_keys ORDER BY owner"
    ).fetchall()
    assert owners == [("merchant:m-1", "m-1-shop"), ("merchant:m-2", "m-2-shop")]


def test_two_keys_of_one_principal_are_one_caller(shops: Shops, settings: Settings) -> None:
    """A rotated key finds what was asked with the one before."""
    first = shops.decide("us")
    shops.keys["us"] = local_key(settings.database_url)

    again = shops.decide("us")

    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
