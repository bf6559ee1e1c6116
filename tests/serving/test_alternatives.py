"""Offers in the plural over HTTP: listed when they are asked for, one is chosen for good, and all of it replays."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from ledger.books.postgres import PostgresLedger
from ledger.money import Currency, Money
from lending.terms import policy_file
from lending.terms.policy import Policies
from serving import replay
from serving.settings import Settings
from tests.serving.checkout import Api, an_order_body, count, publish, running
from tests.serving.test_accept import provider_url

__all__ = ["provider_url"]


@pytest.fixture
def shop(settings: Settings, provider_url: str) -> Iterator[Api]:
    with running(replace(settings, provider_url=provider_url)) as api:
        yield api


def ask(api: Api, order_id: str, **other: Any) -> dict[str, Any]:
    body = an_order_body(order_id=order_id, shopper_id="s-pays", **other)
    answer = api.post("/v1/decisions", json=body, headers={"Idempotency-Key": order_id})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def accept(api: Api, decision_id: str, key: str, **params: Any) -> Any:
    return api.post(f"/v1/decisions/{decision_id}/accept", params=params, headers={"Idempotency-Key": key})


def test_every_way_of_repaying_is_offered_and_the_chosen_one_becomes_the_plan(
    shop: Api, connection: psycopg.Connection[Any], settings: Settings
) -> None:
    plain = ask(shop, "o-plain")
    many = ask(shop, "o-many", alternatives=True)
    again = ask(shop, "o-many", alternatives=True)
    offers = {each["offer_id"]: each for each in many["offers"]}
    monthly = next(each for each in many["offers"] if each["duration_months"] == 6)
    strange = accept(shop, many["decision_id"], "k-0", offer_id="99")
    chosen = accept(shop, many["decision_id"], "k-1", offer_id=monthly["offer_id"])
    repeated = accept(shop, many["decision_id"], "k-1", offer_id=monthly["offer_id"])
    other = accept(shop, many["decision_id"], "k-2", offer_id="1")
    default = accept(shop, many["decision_id"], "k-3")
    report = replay.replay_all(connection, settings.models_dir, policy_file.load_policies())

    assert [each.keys() for each in plain["offers"]] == [offers["1"].keys() - {"missed_payment"}]
    assert again == many
    assert list(offers) == ["1", "2", "3", "4", "5", "6"]
    assert {each["amount_minor"] for each in offers.values()} == {9_000}
    assert len({(each["product"], each["duration_months"]) for each in offers.values()}) == 6
    for each in offers.values():
        assert each["instalments"]
        assert each["apr_percent"] is not None
        assert each["total_payable_minor"] >= 9_000
        assert each["missed_payment"]["late_fees"][0]["amount_minor"] == 600
    assert (strange.status_code, strange.json()["errors"][0]["field"]) == (422, "/offer_id")
    assert (chosen.status_code, chosen.json()["product"]) == (201, "monthly"), chosen.text
    assert len(chosen.json()["instalments"]) == 6
    assert repeated.json()["plan_id"] == chosen.json()["plan_id"]
    assert (other.status_code, other.json()["type"]) == (409, "urn:tranche:problem:other-offer")
    assert default.json()["plan_id"] == chosen.json()["plan_id"], "without a choice it is the one that is chosen"
    assert (report.replayed, report.differing) == (2, ())


def test_a_counter_offer_reserves_the_largest_amount_and_opens_a_plan_of_its_own(
    shop: Api, connection: psycopg.Connection[Any], settings: Settings
) -> None:
    """Fifteen hundred pounds are too much over three months, and not over twelve."""
    publish(connection, "a-some", income_mean_180d=200_000.0, obligations_mean_180d=80_000.0)
    order = {"account_id": "a-some", "amount_minor": 150_000, "product": "monthly", "duration_months": 3}
    decided = ask(shop, "o-1", alternatives=True, **order)
    amounts = [(each["duration_months"], each["amount_minor"]) for each in decided["offers"]]
    (reserved,) = connection.execute("SELECT amount_minor FROM lending.reservations").fetchone() or (0,)
    exposure = shop.get("/v1/shoppers/s-pays").json()["exposures"][0]
    hold = PostgresLedger(connection).find_hold(f"F01:{decided['decision_id']}")
    connection.rollback()
    plan = accept(shop, decided["decision_id"], "k-1", offer_id="3").json()
    report = replay.replay_all(connection, settings.models_dir, policy_file.load_policies())

    assert decided["outcome"] == "approved_reduced"
    assert [reason["code"] for reason in decided["reasons"]] == ["UNAFFORDABLE"]
    assert amounts[0][1] == decided["approved_amount_minor"] < 150_000
    assert amounts[1:] == [(6, 150_000), (12, 150_000)]
    assert (reserved, exposure["reserved_minor"]) == (150_000, 150_000)
    assert hold is not None
    assert hold.remaining == (Money(150_000, Currency.GBP),)
    assert (plan["principal_minor"], len(plan["instalments"])) == (150_000, 12)
    assert shop.get("/v1/shoppers/s-pays").json()["exposures"][0]["reserved_minor"] == 0
    assert report.differing == ()


def test_replay_names_a_policy_of_an_alternative_that_is_gone(
    client: Api, connection: psycopg.Connection[Any], settings: Settings
) -> None:
    ask(client, "o-1", alternatives=True)
    without = Policies([each for each in policy_file.load_policies() if each.policy_id != "gb-short"])

    (differing,) = replay.replay_all(connection, settings.models_dir, without).differing

    assert (differing.cause, "gb-short version 1" in differing.detail) == (replay.Cause.RULE, True)
    assert count(connection, "lending.chosen_offers") == 0
