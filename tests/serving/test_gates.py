"""Who may use which route: every route has a gate, and each role passes those that the authority file gives it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Route

from ledger.identity.authority import Right, authority_file
from ledger.identity.change_keys import By, end_key
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import add_principal
from lending.acts.act import ACTS
from payments.break_desk.desk_act import DESK_ACTS
from serving.app import create_app
from serving.bearer import KEPT_SECONDS, KeyRing, RouteGate
from serving.decisions import Desk
from serving.settings import Settings
from tests.serving.checkout import NOON, Api, a_merchants_key, an_order_body, promoted, running

OPEN = {"/", "/docs", "/openapi.json", "/health/live", "/health/ready"}
"""What a stranger may see: whether it runs, and how it is asked."""

ROLES = sorted(authority_file().roles)


def gates_of(dependant: Dependant) -> Iterator[RouteGate]:
    for each in dependant.dependencies:
        if isinstance(each.call, RouteGate):
            yield each.call
        yield from gates_of(each)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], RouteGate]:
    """The gate of every method and path of the app, but of those that are open."""
    models = tmp_path_factory.mktemp("models")
    promoted(models)
    app = create_app(Settings("postgresql://nobody@127.0.0.1:1/x", models))
    found: dict[tuple[str, str], RouteGate] = {}
    for route in app.routes:
        if not isinstance(route, Route | APIRoute) or route.path in OPEN:
            continue
        assert isinstance(route, APIRoute), f"{route.path} is no route with dependencies"
        gates = list(gates_of(route.dependant))
        assert len(gates) == 1, f"{route.path} has no gate: say in serving what it needs of a role"
        found |= {(method, route.path): gates[0] for method in route.methods}
    return found


def test_every_route_but_the_open_ones_has_one_gate(routes: dict[tuple[str, str], RouteGate]) -> None:
    assert {path for _, path in routes} >= {
        "/v1/decisions",
        "/v1/decisions/{decision_id}/accept",
        "/v1/plans/{plan_id}",
    }
    needs = {gate.needs for gate in routes.values()}
    on_breaks = {act.grant for act in DESK_ACTS.values()}
    of_plans = {*ACTS, "pay", "ship", "review-order"}
    assert needs == {*Right, *of_plans, *on_breaks} - {Right.KEYS, Right.BOOKS}, "both by command alone"


@pytest.fixture
def keys(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """A key of each role; those of merchants' roles belong to m-1."""
    principals = PostgresPrincipals(connection)
    made = {
        role: add_principal(
            f"one-{role}",
            role,
            expires_at=None,
            principals=principals,
            at=NOON,
            merchant_id="m-1" if authority_file().role(role).of_merchant else None,
        )
        for role in ROLES
    }
    connection.commit()
    return made


def test_each_role_passes_the_gates_that_the_authority_file_gives_it_and_no_other(
    client: Api, keys: dict[str, str], routes: dict[tuple[str, str], RouteGate]
) -> None:
    """Every role knocks at every route; whoever may passes on to a 400, 404 or 422 behind the gate."""
    wrong = []
    for (method, path), gate in routes.items():
        ids = {
            "decision_id": "d-none",
            "plan_id": "p-none",
            "proposal_id": "x.none",
            "case_id": "c-none",
            "shopper_id": "s-none",
            "break_id": "line:none",
            "stop_id": "s-none",
        }
        url = path.replace(":path", "").format(**ids, kind="none", act="freeze")
        for role in ROLES:
            granted = authority_file().role(role)
            needs = gate.needs
            may = needs in granted.may if isinstance(needs, Right) else {needs, "*"} & granted.does.acts
            answer = client.request(method, url, headers={"Authorization": f"Bearer {keys[role]}"})
            refused = answer.status_code == 403 and answer.json()["type"].endswith(":not-in-role")
            if refused == bool(may) or answer.status_code in (401, 500):
                wrong.append((role, method, path, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("header", [None, "Bearer trk_nobody", "Basic YTpi", "Bearer", "Bearer a b"])
def test_without_a_key_that_is_known_every_route_answers_401(
    client: Api, routes: dict[tuple[str, str], RouteGate], header: str | None
) -> None:
    del client.headers["Authorization"]
    for method, path in routes:
        headers = {} if header is None else {"Authorization": header}
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), f"{method} {path}"
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_description_names_the_key_for_every_operation_but_health(client: Api) -> None:
    described = client.get("/openapi.json").json()
    scheme = described["components"]["securitySchemes"]["HTTPBearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert ("security" in operation) is not path.startswith("/health/"), path
            if "security" in operation:
                assert operation["security"] == [{"HTTPBearer": []}]
                assert {"401", "403"} <= operation["responses"].keys(), path


def test_a_key_that_has_ended_says_when(client: Api, connection: psycopg.Connection[Any], keys: dict[str, str]) -> None:
    end_key("one-agent.1", By(None, NOON), ends_at=NOON, principals=PostgresPrincipals(connection))
    connection.commit()

    answer = client.get("/v1/plans/p-none", headers={"Authorization": f"Bearer {keys['agent']}"})

    assert answer.status_code == 401
    assert "the key one-agent.1 ended at 2026-03-02 12:00 UTC" in answer.json()["detail"]


def test_a_merchants_role_without_a_merchant_passes_nowhere(client: Api, connection: psycopg.Connection[Any]) -> None:
    stray = add_principal("stray", "shop", expires_at=None, principals=PostgresPrincipals(connection), at=NOON)
    connection.commit()

    answer = client.get("/v1/plans/p-none", headers={"Authorization": f"Bearer {stray}"})

    assert (answer.status_code, answer.json()["type"]) == (403, "urn:tranche:problem:no-merchant")


def test_a_revoked_key_decides_no_longer_than_it_is_kept(
    settings: Settings, connection: psycopg.Connection[Any]
) -> None:
    key = a_merchants_key(connection)
    moment = [0.0]
    with running(settings) as api:
        api.headers["Authorization"] = f"Bearer {key}"
        keep_time(api.desk, api, moment)

        def status(order_id: str) -> int:
            body = an_order_body(order_id=order_id)
            return api.post("/v1/decisions", json=body, headers={"Idempotency-Key": order_id}).status_code

        before = status("o-1")
        PostgresPrincipals(connection).revoke("m-1-shop", NOON - timedelta(days=1))
        connection.commit()
        moment[0] = KEPT_SECONDS - 0.1
        within, elsewhere = status("o-2"), api.get("/v1/decisions/d-none").status_code
        moment[0] = 2 * KEPT_SECONDS
        after = status("o-3")

    assert KEPT_SECONDS <= 2
    assert (before, within, elsewhere, after) == (201, 201, 401, 401)


def keep_time(desk: Desk, api: Api, moment: list[float]) -> None:
    """Let the app's keys age by a clock of the test's own."""
    api.app.state.keys = KeyRing(desk.pool, monotonic=lambda: moment[0])


def test_a_decision_with_a_known_key_reads_no_key(client: Api) -> None:
    ring: KeyRing = client.app.state.keys
    key = client.headers["Authorization"].removeprefix("Bearer ")
    assert ring.remembered(key) is None

    client.post("/v1/decisions", json=an_order_body(), headers={"Idempotency-Key": "k"})

    assert ring.remembered(key) is not None
