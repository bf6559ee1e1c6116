"""What a browser is told, and what no route takes: deep bodies, control characters, and methods that there are not."""

from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from serving.request_limits import DEEPEST
from serving.security_headers import API_HEADERS, PAGE_HEADERS
from tests.serving.checkout import Api, an_order_body, kept
from tests.serving.test_plan_acts import Desks, desks, opened

__all__ = ["desks", "opened"]


def decide(api: Api, content: bytes | None = None, key: str = "k", **other: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    if content is None:
        return api.post("/v1/decisions", json=an_order_body(**other), headers=headers)
    return api.post("/v1/decisions", content=content, headers=headers)


def test_every_answer_has_the_headers_that_keep_a_browser_in_bounds(client: Api) -> None:
    of_api: list[Callable[[], httpx.Response]] = [
        lambda: decide(client),
        lambda: client.get("/v1/decisions/d-none"),
        lambda: client.delete("/v1/decisions"),
        lambda: decide(client, b"[" * 100_000),
        lambda: client.get("/v1/decisions/x", headers={"Authorization": "Bearer no"}),
    ]
    for ask in of_api:
        answer = ask()
        assert {name: answer.headers.get(name) for name in API_HEADERS} == API_HEADERS, answer.request.url
    for path in ("/", "/docs", "/openapi.json", "/health/live"):
        assert {name: client.get(path).headers.get(name) for name in PAGE_HEADERS} == PAGE_HEADERS, path


def test_an_unexpected_error_has_them_too_and_says_nothing_of_the_inside(
    client: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("serving.decisions.PostgresDecisions.get", fails)

    answer = client.get("/v1/decisions/d-1")

    assert answer.status_code == 500
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_a_body_that_is_nested_deep_is_refused_before_it_is_read(
    client: Api, connection: psycopg.Connection[Any], opening: bytes
) -> None:
    for deep in (opening * (DEEPEST + 1), opening * 6_000):
        answer = decide(client, deep)
        assert (answer.status_code, "levels deep" in answer.json()["detail"]) == (400, True)
    assert decide(client, b'{"order_id": "' + b"[" * 100 + b'"}').status_code == 422, "brackets in a text are text"
    assert set(kept(connection).values()) == {0}


@pytest.mark.parametrize(
    "path",
    ["/v1/decisions/d%00", "/v1/plans/p%0a", "/v1/plans/p%7f/history", "/v1/plans/p/quote?on=%00", "/v1/plans/%C2%85"],
)
def test_a_control_character_in_the_address_is_refused(client: Api, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:tranche:problem:malformed")


@pytest.mark.parametrize("text", ["\u0000", "two\nlines", "a\u007f", "\u0085", "tab\there"])
def test_a_control_character_in_a_sentence_is_refused_by_field(opened: Desks, text: str) -> None:
    from tests.lending.acts.cases import PLAN

    reason = opened.post(PLAN, "freeze", {"reason": text})
    rows = {"reason": "x", "rows": [{"plan_id": PLAN.plan_id, "reason": text}]}
    row = opened.api.post("/v1/acts/freeze", json=rows, headers={"Idempotency-Key": "k", **opened.bearer()})
    withdrawn = opened.api.post("/v1/proposals/x.y/withdraw", json={"reason": text}, headers=opened.bearer())

    assert [each.status_code for each in (reason, row, withdrawn)] == [422, 422, 422]
    assert reason.json()["errors"][0]["field"].endswith("/reason")
    assert opened.post(PLAN, "freeze", {"reason": "Ça va, 25 € 三"}).status_code == 201


@pytest.mark.parametrize("text", ["\u0000", "o\u001b", "\ud800"])
def test_a_control_character_in_an_id_is_refused_by_field(client: Api, text: str) -> None:
    import json

    for name in ("order_id", "shopper_id", "account_id", "merchant_id", "application_id"):
        answer = decide(client, json.dumps(an_order_body(**{name: f"x{text}"})).encode())
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, f"/{name}")


def test_a_method_that_there_is_not_names_those_that_there_are(client: Api) -> None:
    for path, allowed in (("/v1/decisions", "POST"), ("/v1/plans/p-1", "GET"), ("/health/live", "GET")):
        answer = client.delete(path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
        assert answer.headers["Content-Type"] == "application/problem+json"
