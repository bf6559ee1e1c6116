"""The decision route: one answer for one key, every refusal a problem that names what is wrong."""

from typing import Any

import psycopg
import pytest
from httpx import Response

from serving.decisions import ROUTE, DecisionAnswer
from serving.settings import Settings
from tests.serving.checkout import LOCAL_PRINCIPAL, Api, an_order_body, kept, publish, running


def ask(client: Api, key: str = "k-1", **other: Any) -> Response:
    return client.post("/v1/decisions", json=an_order_body(**other), headers={"Idempotency-Key": key})


def problem_of(response: Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:tranche:problem:")
    assert body["trace_id"]
    return body


def test_a_comfortable_shopper_is_approved_with_a_schedule(client: Api) -> None:
    response = ask(client)

    assert response.status_code == 201
    answer = DecisionAnswer.model_validate_json(response.content)
    assert answer.outcome == "approved"
    assert answer.reasons == []
    assert answer.approved_amount_minor == 9_000
    dues = answer.offers[0]["instalments"]
    assert [due["due_on"] for due in dues] == ["2026-03-02", "2026-04-01", "2026-05-01"]
    assert sum(due["amount_minor"] for due in dues) == 9_000
    assert response.headers["location"] == f"/v1/decisions/{answer.decision_id}"


def test_a_decision_is_read_again_byte_for_byte(client: Api) -> None:
    made = ask(client)

    assert client.get(made.headers["location"]).content == made.content


def test_the_same_key_and_body_get_the_same_bytes(client: Api, connection: psycopg.Connection[Any]) -> None:
    first = ask(client)
    before = kept(connection)

    second = ask(client)

    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert kept(connection) == before


def test_the_same_key_gets_the_same_bytes_after_a_restart_on_another_day(client: Api, settings: Settings) -> None:
    first = ask(client)

    with running(settings, at=first_day_later(first)) as restarted:
        second = ask(restarted)

    assert second.content == first.content


def first_day_later(response: Response) -> Any:
    from datetime import datetime, timedelta

    return datetime.fromisoformat(response.json()["decided_at"]) + timedelta(days=30)


def test_the_same_key_with_another_body_names_the_field(client: Api, connection: psycopg.Connection[Any]) -> None:
    ask(client)
    before = kept(connection)

    problem = problem_of(ask(client, amount_minor=9_001), 422)

    assert problem["type"] == "urn:tranche:problem:key-reused"
    assert problem["errors"] == [{"field": "/amount_minor", "reason": "was 9000, is 9001"}]
    assert kept(connection) == before


def test_the_same_order_under_another_key_is_the_same_decision(
    client: Api, connection: psycopg.Connection[Any]
) -> None:
    first = ask(client, "k-1")

    second = ask(client, "k-2")

    assert second.content == first.content
    assert kept(connection)["lending.decisions"] == 1


def test_another_order_under_the_same_order_id_is_refused_by_field(
    client: Api, connection: psycopg.Connection[Any]
) -> None:
    ask(client, "k-1")

    problem = problem_of(ask(client, "k-2", amount_minor=8_000), 409)

    assert problem["errors"][0]["field"] == "/amount_minor"
    assert kept(connection)["serving.idempotency_keys"] == 1


def test_two_merchants_may_number_their_orders_alike(client: Api) -> None:
    first, second = ask(client, "k-1"), ask(client, "k-2", merchant_id="m-2")

    assert first.json()["decision_id"] != second.json()["decision_id"]


def test_a_key_is_needed(client: Api, connection: psycopg.Connection[Any]) -> None:
    problem = problem_of(client.post("/v1/decisions", json=an_order_body()), 400)

    assert problem["errors"][0]["field"] == "idempotency-key"
    assert set(kept(connection).values()) == {0}


@pytest.mark.parametrize(
    ("other", "field"),
    [
        pytest.param({"surprise": 1}, "/surprise", id="an unknown field"),
        pytest.param({"amount_minor": 0}, "/amount_minor", id="an amount of nothing"),
        pytest.param({"amount_minor": 90.5}, "/amount_minor", id="half a penny"),
        pytest.param({"amount_minor": "9000"}, "/amount_minor", id="an amount as text"),
        pytest.param({"amount_minor": 10**19}, "/amount_minor", id="an amount past 64 bits"),
        pytest.param({"currency": "XXX"}, "/currency", id="a currency nobody knows"),
        pytest.param({"product": "never"}, "/product", id="an unknown product"),
        pytest.param({"channel": "fax"}, "/channel", id="an unknown channel"),
        pytest.param({"merchant_id": "a:b"}, "/merchant_id", id="a colon in a name that accounts use"),
        pytest.param({"order_id": ""}, "/order_id", id="an empty id"),
        pytest.param({"order_id": "o\u0000"}, "/order_id", id="a NUL byte"),
        pytest.param({"product": "monthly"}, "/duration_months", id="monthly without a duration"),
        pytest.param({"duration_months": 5}, "/duration_months", id="pay in three over five months"),
    ],
)
def test_a_body_that_cannot_be_is_refused_by_field(
    client: Api, connection: psycopg.Connection[Any], other: dict[str, Any], field: str
) -> None:
    problem = problem_of(ask(client, **other), 422)

    assert problem["errors"][0]["field"] == field
    assert set(kept(connection).values()) == {0}


def test_a_missing_field_is_named(client: Api) -> None:
    body = an_order_body()
    del body["account_id"]

    response = client.post("/v1/decisions", json=body, headers={"Idempotency-Key": "k"})

    assert problem_of(response, 422)["errors"][0]["field"] == "/account_id"


def test_a_body_that_is_not_json_is_malformed(client: Api) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}

    problem = problem_of(client.post("/v1/decisions", content=b'{"order_id": ', headers=headers), 400)

    assert "is not JSON" in problem["detail"]


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "streamed"])
def test_a_body_too_large_is_refused(client: Api, announced: bool) -> None:
    large = b'{"order_id": "' + b"x" * 100_000 + b'"}'
    content = large if announced else iter([large[:50_000], large[50_000:]])
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}

    problem_of(client.post("/v1/decisions", content=content, headers=headers), 413)


def test_nothing_is_lent_where_no_policy_holds(client: Api, connection: psycopg.Connection[Any]) -> None:
    problem = problem_of(ask(client, currency="USD"), 422)

    assert problem["type"] == "urn:tranche:problem:no-policy"
    assert set(kept(connection).values()) == {0}


def test_an_unknown_decision_is_not_found(client: Api) -> None:
    problem_of(client.get("/v1/decisions/d-none"), 404)


def test_an_unknown_route_is_a_problem_too(client: Api) -> None:
    problem_of(client.get("/v2/decisions"), 404)
    problem_of(client.delete("/v1/decisions"), 405)


def test_a_shopper_without_history_is_referred(client: Api) -> None:
    answer = ask(client, account_id="a-unseen").json()

    assert answer["outcome"] == "referred"
    assert [reason["code"] for reason in answer["reasons"]] == ["DATA_MISSING"]
    assert answer["score"] is None


def test_a_vector_of_tomorrow_is_not_read(client: Api, connection: psycopg.Connection[Any]) -> None:
    from datetime import timedelta

    from tests.serving.checkout import NOON

    publish(connection, "a-2", NOON + timedelta(days=1))

    assert ask(client, account_id="a-2").json()["outcome"] == "referred"


def test_a_risky_shopper_is_declined_for_what_raised_the_risk(client: Api, connection: psycopg.Connection[Any]) -> None:
    publish(connection, "a-3", balance_low_90d=-90_000.0, overdraft_days_180d=40.0)

    answer = ask(client, account_id="a-3").json()

    assert answer["outcome"] == "declined"
    assert answer["score"]["default_probability"] > 0.35
    assert [reason["features"] for reason in answer["reasons"]] == [["balance_low_90d"], ["overdraft_days_180d"]]
    assert all(reason["contribution"] > 0 for reason in answer["reasons"])
    assert answer["offers"] == []
    assert answer["approved_amount_minor"] is None
    assert kept(connection)["lending.reservations"] == 0


def test_an_approval_holds_its_amount_in_the_ledger_until_the_offer_expires(
    client: Api, connection: psycopg.Connection[Any]
) -> None:
    from ledger.books.postgres import PostgresLedger
    from ledger.money import Currency, Money

    answer = ask(client, amount_minor=60_000).json()

    ledger = PostgresLedger(connection)
    hold = ledger.find_hold(f"F01:{answer['decision_id']}")
    assert answer["outcome"] == "approved_reduced"
    assert hold is not None
    assert hold.remaining == (Money(50_000, Currency.GBP),)
    assert hold.expires_at is not None
    assert hold.expires_at.isoformat() == "2026-03-03T12:00:00+00:00"
    assert ledger.balance("memo:commitment", Currency.GBP).debits_pending == 50_000


def test_decisions_reasons_and_reservations_cannot_be_changed(client: Api, connection: psycopg.Connection[Any]) -> None:
    ask(client)
    for table in ("decisions", "decision_reasons", "reservations", "releases"):
        for change in (f"UPDATE lending.{table} SET decision_id = 'x'", f"DELETE FROM lending.{table}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever added to"):
                connection.execute(change)
            connection.rollback()


def test_a_key_that_another_request_holds_for_too_long_is_a_conflict(
    settings: Settings, connection: psycopg.Connection[Any]
) -> None:
    from dataclasses import replace

    from serving.postgres import IdempotencyKeys
    from tests.serving.checkout import NOON

    with running(replace(settings, wait_seconds=0.2)) as client:
        keys = IdempotencyKeys(connection, LOCAL_PRINCIPAL)
        keys.claim(ROUTE, "k-1", "{}", NOON)  # uncommitted: the first request still runs

        response = ask(client)

        problem = problem_of(response, 409)
        assert problem["type"] == "urn:tranche:problem:in-progress"
        assert response.headers["retry-after"] == "1"
        connection.rollback()
        assert ask(client).status_code == 201


def test_the_contract_of_the_api_is_published(client: Api) -> None:
    described = client.get("/openapi.json").json()

    post = described["paths"]["/v1/decisions"]["post"]
    assert {"201", "400", "409", "413", "422", "503"} <= post["responses"].keys()
    assert described["components"]["schemas"]["OrderRequest"]["additionalProperties"] is False
