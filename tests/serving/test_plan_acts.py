"""Acts on plans over HTTP: with a principal's key, a strict body, a preview, and one answer for one key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import Principal, add_principal
from ledger.money import Money
from lending.acts.act import ACTS, NOT_BY_HAND, Effect
from lending.acts.act_file import act_on_file
from lending.plan.event import PaidOff, PaymentChannel
from lending.plan.plan import Plan
from serving.plan_routes.plan_acts import router
from serving.settings import Settings
from tests.lending.acts.cases import CASES, OTHER, PLAN
from tests.lending.acts.counter import Counter, counter_over, noon
from tests.lending.plans import a_plan
from tests.lending.servicing.servicing import Desk, an_event, day
from tests.serving.checkout import Api, running

ANN_AT_DESK = Principal("ann-at-desk", "servicing", noon(0))


class Desks:
    """The API, two people with keys, and the counter behind it."""

    def __init__(self, api: Api, keys: dict[str, str], counter: Counter) -> None:
        self.api, self.keys, self.counter = api, keys, counter

    def post(
        self, plan: Plan, act: str, body: dict[str, Any], *, key: str = "k-1", by: str = "ann", preview: bool = False
    ) -> httpx.Response:
        return self.api.post(
            f"/v1/plans/{plan.plan_id}/{act}",
            json={"reason": "they called", **body},
            params={"preview": "true"} if preview else {},
            headers={"Idempotency-Key": key, **self.bearer(by)},
        )

    def approve(self, proposal_id: str, by: str = "bob") -> httpx.Response:
        return self.api.post(f"/v1/proposals/{proposal_id}/approve", headers=self.bearer(by))

    def bearer(self, by: str = "ann") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[by]}"}


@pytest.fixture
def desks(settings: Settings, connection: psycopg.Connection[Any]) -> Iterator[Desks]:
    counter = counter_over(connection)
    principals = PostgresPrincipals(connection)
    roles = (("ann", "servicing"), ("bob", "credit-risk"), ("carol", "credit-risk"), ("eve", "agent"))
    keys = {
        name: add_principal(f"{name}-at-desk", role, expires_at=None, principals=principals, at=noon(0))
        for name, role in roles
    }
    keys["nobody"] = "trk_nobody"
    connection.commit()
    with running(settings, at=noon(5)) as api:
        del api.headers["Authorization"]
        yield Desks(api, keys, counter)


@pytest.fixture
def opened(desks: Desks) -> Desks:
    desks.counter.desk.open(PLAN)
    desks.counter.connection.commit()
    return desks


@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_shown_first_then_done_and_a_second_time_changes_nothing(desks: Desks, act: str) -> None:
    case = CASES[act]
    case.before(desks.counter)
    desks.counter.connection.commit()
    by = "carol" if act in ("charge-off", "write-off") else "ann"
    body = dict(case.tree)

    shown = desks.post(case.plan, act, body, by=by, preview=True)
    first = desks.post(case.plan, act, body, by=by)
    done = first
    if ACTS[act].effect is not Effect.NEITHER:
        assert first.status_code == 202
        assert first.json()["because"] == [f"{act} {ACTS[act].effect}"]
        assert first.headers["Location"] == f"/v1/proposals/{by}-at-desk.k-1/approve"
        done = desks.approve(first.json()["proposal_id"])
    again = desks.post(case.plan, act, body, by=by)

    assert shown.status_code == 200
    assert done.status_code == 201
    assert [each["entry_id"] for each in shown.json()["posted"]] == done.json()["posted"]
    assert shown.json()["reversed"] == done.json()["reversed"]
    assert done.json()["arguments"] == dict(case.tree)
    assert (done.json()["by"], done.json()["reason"]) == (f"{by}-at-desk", "they called")
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == {**done.json(), "new": False}
    history = desks.api.get(f"/v1/plans/{case.plan.plan_id}/history", headers=desks.bearer()).json()
    assert history["acts"][-1]["act_id"] == done.json()["act_id"]
    assert history["instalments"] == shown.json()["after"]["instalments"]


@pytest.mark.parametrize("kind", NOT_BY_HAND)
def test_what_says_that_money_moved_is_refused_with_who_records_it(opened: Desks, kind: str) -> None:
    answer = opened.post(PLAN, kind, {"amount_minor": 10_00, "currency": "GBP"})

    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:tranche:problem:not-by-hand"
    assert f"{kind} is not recorded by hand" in answer.json()["detail"]
    assert "records it" in answer.json()["detail"]
    assert opened.counter.desk.standing(PLAN).version == 1


def test_an_act_that_there_is_not_lists_those_that_there_are(opened: Desks) -> None:
    answer = opened.post(PLAN, "gift", {})

    assert answer.status_code == 404
    assert "goodwill" in answer.json()["detail"]


def test_every_route_of_acts_asks_for_a_key(opened: Desks) -> None:
    for route in router.routes:
        path = str(getattr(route, "path", "")).replace("{plan_id}", PLAN.plan_id).replace("{kind}", "paid")
        for method in getattr(route, "methods", ()):
            for headers in ({}, opened.bearer("nobody"), {"Authorization": "Basic YTpi"}):
                asked = {"Idempotency-Key": "k-1", **headers}
                answer = opened.api.request(method, path, headers=asked, json={"reason": "x"})
                assert answer.status_code == 401, f"{method} {path}"
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_revoked_key_is_refused_at_once(opened: Desks) -> None:
    assert opened.post(PLAN, "freeze", {}).status_code == 201

    PostgresPrincipals(opened.counter.connection).revoke("ann-at-desk", noon(5))
    opened.counter.connection.commit()

    answer = opened.post(PLAN, "unfreeze", {}, key="k-2")
    assert answer.status_code == 401
    assert "revoked" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [
        ("refund", {"currency": "GBP"}, "/amount_minor"),
        ("refund", {"amount_minor": "10", "currency": "GBP"}, "/amount_minor"),
        ("refund", {"amount_minor": 10.5, "currency": "GBP"}, "/amount_minor"),
        ("refund", {"amount_minor": 0, "currency": "GBP"}, "/amount_minor"),
        ("refund", {"amount_minor": 10**12 + 1, "currency": "GBP"}, "/amount_minor"),
        ("refund", {"amount_minor": 10, "currency": "XXX"}, "/currency"),
        ("refund", {"amount_minor": 10}, "/currency"),
        ("refund", {"amount_minor": 10, "currency": "GBP", "colour": "red"}, "/colour"),
        ("refund", {"amount_minor": 10, "currency": "GBP", "value_date": "2026-01-16"}, "/value_date"),
        ("refund", {"amount_minor": 10, "currency": "GBP", "value_date": "2026-02-30"}, "/value_date"),
        ("holiday", {"starts": "2026-02-01", "ends": 1}, "/ends"),
        ("charge-fee", {"amount_minor": 10, "currency": "GBP", "kind": "other"}, "/kind"),
        ("charge-off", {"fraud": "true"}, "/fraud"),
        ("freeze", {"reason": ""}, "/reason"),
        ("freeze", {"amount_minor": 10}, "/amount_minor"),
        ("reschedule", {"dues": [{"due_on": "2026-02-01"}], "currency": "GBP"}, "/dues/0/principal_minor"),
    ],
)
def test_a_body_is_taken_as_it_is_described_or_not_at_all(
    opened: Desks, act: str, body: dict[str, Any], field: str
) -> None:
    answer = opened.post(PLAN, act, body, by="carol" if act == "charge-off" else "ann")

    assert answer.status_code == 422
    assert [each["field"].removeprefix("/body") for each in answer.json()["errors"]] == [field]
    assert opened.counter.desk.standing(PLAN).version == 1


def test_a_key_that_is_used_again_for_something_else_names_the_field(opened: Desks) -> None:
    body = {"amount_minor": 10_00, "currency": "GBP"}
    assert opened.post(PLAN, "refund", body).status_code == 201

    other = opened.post(PLAN, "refund", {**body, "amount_minor": 11_00})

    assert other.status_code == 422
    assert other.json()["type"] == "urn:tranche:problem:key-reused"
    assert [each["field"] for each in other.json()["errors"]] == ["/amount_minor"]
    without = opened.api.post(
        f"/v1/plans/{PLAN.plan_id}/freeze", json={"reason": "they called"}, headers=opened.bearer()
    )
    assert (without.status_code, without.json()["errors"][0]["field"]) == (400, "idempotency-key")


def test_what_is_not_done_says_why(opened: Desks) -> None:
    refused = opened.post(PLAN, "refund", {"amount_minor": 90_01, "currency": "GBP"})
    stranger = opened.post(PLAN, "refund", {"amount_minor": 10_00, "currency": "GBP"}, by="eve")
    proposed = opened.post(PLAN, "goodwill", {"amount_minor": 10_00, "currency": "GBP"}, key="g").json()
    own = opened.approve(proposed["proposal_id"], by="ann")

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "beyond_the_purchase")
    assert (stranger.status_code, stranger.json()["type"]) == (403, "urn:tranche:problem:not-in-role")
    assert (own.status_code, own.json()["type"]) == (403, "urn:tranche:problem:same-person")
    assert opened.approve("ann.nothing").status_code == 404
    assert opened.post(a_plan(plan_id="p-nothing"), "freeze", {}, key="n").status_code == 404
    assert opened.post(a_plan(plan_id="p-nothing"), "freeze", {}, key="n", preview=True).status_code == 404


def test_proposals_wait_where_another_finds_them(opened: Desks) -> None:
    proposed = opened.post(PLAN, "goodwill", {"amount_minor": 10_00, "currency": "GBP"}).json()

    listed = opened.api.get("/v1/proposals", headers=opened.bearer("bob")).json()["proposals"]
    done = opened.approve(listed[0]["proposal_id"])
    again = opened.approve(listed[0]["proposal_id"], by="carol")

    assert [each["proposal_id"] for each in listed] == [proposed["proposal_id"]]
    assert (done.json()["by"], done.json()["approved_by"]) == ("ann-at-desk", "bob-at-desk")
    assert again.json() == {**done.json(), "new": False}
    assert opened.api.get("/v1/proposals", headers=opened.bearer("bob")).json() == {"proposals": []}
    opened.counter.connection.rollback()
    assert opened.counter.desk.standing(PLAN).version == 2


def test_a_proposal_is_withdrawn_over_http_by_its_proposer(opened: Desks) -> None:
    proposed = opened.post(PLAN, "goodwill", {"amount_minor": 10_00, "currency": "GBP"}).json()

    def withdraw(by: str = "ann", proposal_id: str = proposed["proposal_id"], **body: str) -> httpx.Response:
        url = f"/v1/proposals/{proposal_id}/withdraw"
        return opened.api.post(url, json=body or {"reason": "a wrong plan"}, headers=opened.bearer(by))

    other, unknown, wrong = withdraw("bob"), withdraw(proposal_id="ann.nothing"), withdraw(reason="")
    first, again = withdraw(), withdraw()
    approved = opened.approve(proposed["proposal_id"])

    assert (other.status_code, other.json()["type"]) == (403, "urn:tranche:problem:not-proposer")
    assert (unknown.status_code, wrong.status_code) == (404, 422)
    assert (first.status_code, first.json()["status"], first.json()["withdrawn_because"]) == (
        200,
        "withdrawn",
        "a wrong plan",
    )
    assert again.json() == {**first.json(), "new": False}
    assert (approved.status_code, approved.json()["type"]) == (403, "urn:tranche:problem:proposal-withdrawn")
    assert opened.api.get("/v1/proposals", headers=opened.bearer()).json() == {"proposals": []}


def test_one_act_on_many_plans_answers_row_by_row_and_again_nothing_twice(opened: Desks) -> None:
    other = OTHER
    opened.counter.desk.open(other)
    opened.counter.connection.commit()
    rows = [
        {"plan_id": PLAN.plan_id, "amount": "10.00 GBP"},
        {"plan_id": PLAN.plan_id, "amount": "10.00 GBP"},
        {"plan_id": PLAN.plan_id, "amount": "10.00 GBP", "key": "second", "reason": "returned twice"},
        {"plan_id": other.plan_id, "amount": "9000.01 GBP"},
        {"plan_id": "p-nothing", "amount": "10.00 GBP"},
        {"plan_id": other.plan_id, "amount": "10 pounds"},
        {"plan_id": other.plan_id, "amount": "20.00 GBP"},
    ]

    def bulk(query: str = "", by: str = "ann", **changed: Any) -> httpx.Response:
        body = {"reason": "recall of the toy", "rows": rows} | changed
        headers = {"Idempotency-Key": "recall-7", **opened.bearer(by)}
        return opened.api.post(f"/v1/acts/refund{query}", json=body, headers=headers)

    shown, first, again = bulk("?preview=true").json(), bulk().json(), bulk().json()

    assert shown["statuses"] == {"would_do": 4, "refused": 1, "wrong": 2}
    assert [row["status"] for row in first["rows"]] == ["done", "again", "done", "refused", "wrong", "wrong", "done"]
    assert [row["status"] for row in again["rows"]] == ["again"] * 3 + ["refused", "wrong", "wrong", "again"]
    assert first["rows"][0]["act_id"].startswith("ann-at-desk.recall-7.")
    stranger, role = bulk(by="nobody"), bulk(by="eve")
    assert role.json()["type"] == "urn:tranche:problem:not-in-role"
    assert (stranger.status_code, role.status_code) == (401, 403)
    for rows_sent, field in (
        ([{"plan_id": "p", "colour": "red"}], "/rows/0/colour"),
        ([{"amount": "1.00 GBP"}], "/rows/0/plan_id"),
        ([{"plan_id": "p", "amount": 1}], "/body/rows/0/amount"),
        ([], "/body/rows"),
    ):
        refused = bulk(rows=rows_sent)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] in (field, field.removeprefix("/body"))
    opened.counter.connection.rollback()
    assert opened.counter.desk.standing(other).version == 2


def test_a_list_taken_by_command_and_over_http_under_one_key_is_done_once(opened: Desks, tmp_path: Path) -> None:
    file = tmp_path / "refunds.csv"
    file.write_text(f"plan_id,amount\n{PLAN.plan_id},10.00 GBP\n")
    by_file = act_on_file(
        "refund", file, lambda asked: opened.counter.perform(asked, ANN_AT_DESK), key="recall", reason="recall"
    )
    opened.counter.connection.commit()

    body = {"reason": "recall", "rows": [{"plan_id": PLAN.plan_id, "amount": "10.00 GBP"}]}
    headers = {"Idempotency-Key": "recall", **opened.bearer()}
    (row,) = opened.api.post("/v1/acts/refund", json=body, headers=headers).json()["rows"]

    assert (by_file[0].status, row["status"], row["act_id"]) == ("done", "again", by_file[0].act_id)


def test_a_quote_settles_the_plan_on_its_day(desks: Desks) -> None:
    plan = a_plan("1000.00", months=6, rate=1200)
    desks.counter.desk.open(plan)
    desks.counter.connection.commit()

    def quote(**asked: str) -> httpx.Response:
        return desks.api.get(f"/v1/plans/{plan.plan_id}/quote", params=asked, headers=desks.bearer())

    today, later = quote().json(), quote(on=day(20).isoformat()).json()

    assert (today["on"], later["on"]) == (day(5).isoformat(), day(20).isoformat())
    assert later["interest_minor"] > today["interest_minor"] > 0
    amount = Money(later["amount_minor"], plan.currency)
    desk = Desk.over(desks.counter.connection)
    body = PaidOff(amount, PaymentChannel.SHOPPER, "x-1", provider="sim", rail="card")
    desk.take(an_event(plan, "paid:x-1", day(20), body))
    assert desk.standing(plan).status == "paid"
    for wrong in ("tomorrow", "20260201", "2026-01-09"):
        assert (quote(on=wrong).status_code, quote(on=wrong).json()["errors"][0]["field"]) == (422, "/on")


def test_a_plan_says_what_it_takes_now(opened: Desks) -> None:
    plan = opened.api.get(f"/v1/plans/{PLAN.plan_id}", headers=opened.bearer()).json()
    history = opened.api.get(f"/v1/plans/{PLAN.plan_id}/history", headers=opened.bearer()).json()

    assert plan["allowed"] == history["allowed"]
    assert "freeze" in plan["allowed"]
    assert "unfreeze" not in plan["allowed"]
    assert opened.post(PLAN, "unfreeze", {}).status_code == 409


def test_the_description_has_every_act_with_its_arguments(desks: Desks) -> None:
    described = desks.api.get("/openapi.json").json()

    for name, act in ACTS.items():
        operation = described["paths"][f"/v1/plans/{{plan_id}}/{name}"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        body = described["components"]["schemas"][schema]
        assert operation["summary"] == act.meaning
        assert operation["security"] == [{"HTTPBearer": []}]
        assert body["additionalProperties"] is False
        assert "reason" in body["required"]
        for each in act.arguments:
            name_in_body = f"{each.name}_minor" if f"{each.name}_minor" in body["properties"] else each.name
            assert body["properties"][name_in_body]["description"] == each.meaning
            assert (name_in_body in body["required"]) is each.required
        assert {"200", "201", "202", "401", "403", "409", "422"} <= operation["responses"].keys()
