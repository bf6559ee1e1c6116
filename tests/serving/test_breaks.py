"""The break desk over HTTP: the same acts as by command, with a principal's key, a strict body and two people."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ledger.account import Side
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import add_principal
from payments.wiring import Adapters
from serving import breaks
from serving.settings import Settings
from tests.payments.outside import reconciled
from tests.payments.plans import posted, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import DAY, stated
from tests.serving.checkout import NOON, Api, running

SMALL, BIG = "line:credit:main/2026-1/0001", "line:credit:main/2026-1/0002"


class HttpDesk:
    """The API with people who have keys, over the books of a test."""

    def __init__(self, api: Api, keys: dict[str, str], ports: Adapters) -> None:
        self.api, self.keys, self.ports = api, keys, ports

    def get(self, path: str, by: str = "ann") -> httpx.Response:
        return self.api.get(path, headers=self._bearer(by))

    def post(self, path: str, by: str = "ann", key: str = "k-1", **body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key, **self._bearer(by)}
        return self.api.post(path, json={"reason": "looked into it", **body}, headers=headers)

    def _bearer(self, by: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[by]}"}


@pytest.fixture
def desk(
    settings: Settings, connection: psycopg.Connection[Any], database_url: str, tmp_path: Path
) -> Iterator[HttpDesk]:
    principals = PostgresPrincipals(connection)
    roles = (("ann", "reconciliation"), ("ben", "finance"), ("eve", "agent"))
    keys = {name: add_principal(name, role, expires_at=None, principals=principals, at=NOON) for name, role in roles}
    of_merchant = {"expires_at": None, "principals": principals, "at": NOON, "merchant_id": "m-1"}
    keys["moe"] = add_principal("moe", "reconciliation", **of_merchant)
    connection.commit()
    with running(settings) as api, the_adapters(database_url) as ports:
        del api.headers["Authorization"]
        reconciled(ports, [stated(tmp_path / "b.csv", (7_00, "thanks"), (300_00, "who"))], DAY)
        yield HttpDesk(api, keys, ports)


def test_breaks_are_listed_shown_and_dealt_with_by_two_people_where_they_are_needed(desk: HttpDesk) -> None:
    listed = desk.get("/v1/breaks?limit=1").json()
    assert ([each["break_id"] for each in listed["breaks"]], listed["more"]) == ([SMALL], True)
    assert desk.get("/v1/breaks", by="eve").status_code == 403

    done = desk.post(f"/v1/breaks/{SMALL}/write-off")
    again = desk.post(f"/v1/breaks/{SMALL}/write-off")
    assert (done.status_code, done.json()["still_open"], done.json()["by"]) == (201, False, "ann")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert {**again.json(), "new": True} == done.json()
    assert desk.post(f"/v1/breaks/{BIG}/write-off").json()["type"] == "urn:tranche:problem:key-reused"

    proposed = desk.post(f"/v1/breaks/{BIG}/write-off", key="k-2")
    assert (proposed.status_code, proposed.headers["Location"]) == (202, "/v1/break-proposals/ann.k-2/approve")
    assert [each["proposal_id"] for each in desk.get("/v1/break-proposals", by="ben").json()["proposals"]] == [
        "ann.k-2"
    ]
    assert desk.post("/v1/break-proposals/ann.k-2/approve").json()["type"] == "urn:tranche:problem:same-person"
    approved = desk.post("/v1/break-proposals/ann.k-2/approve", by="ben")
    assert (approved.status_code, approved.json()["approved_by"]) == (201, "ben")
    assert posted(desk.ports, "unclaimed:property", Side.CREDIT) == 307_00

    shown = desk.get(f"/v1/breaks/{BIG}").json()
    assert [(each["event"], each["actor"], each["reason"]) for each in shown["events"][1:]] == [
        ("written_off", "ann", "looked into it"), ("closed", "ann", "looked into it"),
    ]  # fmt: skip
    assert (shown["closed_on"], [each["act_id"] for each in shown["acts"]]) == (DAY.isoformat(), ["ann.k-2"])
    assert desk.get("/v1/breaks").json() == {"breaks": [], "more": False}


def test_what_is_wrong_is_said_with_its_field_and_nothing_is_done(desk: HttpDesk) -> None:
    cases = [
        (desk.post("/v1/breaks/line:none/write-off"), 404, "not-found"),
        (desk.get("/v1/breaks/line:none"), 404, "not-found"),
        (desk.get("/v1/breaks/a%00b"), 400, "malformed"),
        (desk.post("/v1/breaks/a%00b/write-off"), 400, "malformed"),
        (desk.post(f"/v1/breaks/{BIG}/match", plan_id="p-1", expectation="due:p-1/1"), 422, "invalid"),
        (desk.post(f"/v1/breaks/{BIG}/match", plan_id="p-none"), 409, "no-plan"),
        (desk.post(f"/v1/breaks/{BIG}/accept", until="tomorrow"), 422, "invalid"),
        (desk.post(f"/v1/breaks/{BIG}/assign", owner="treasury", until="2026-05-01"), 422, "invalid"),
        (desk.post("/v1/break-proposals/ann.none/approve"), 404, "not-found"),
        (desk.post(f"/v1/breaks/{BIG}/write-off", by="ben"), 403, "not-in-role"),
        (desk.post(f"/v1/breaks/{BIG}/write-off", by="moe"), 403, "not-in-role"),
        (desk.get("/v1/breaks", by="moe"), 403, "not-in-role"),
    ]
    assert [(answer.status_code, answer.json()["type"].rpartition(":")[2]) for answer, *_ in cases] == [
        (status, code) for _, status, code in cases
    ]
    assert [each["break_id"] for each in desk.get("/v1/breaks").json()["breaks"]] == [SMALL, BIG]


def test_an_act_does_not_wait_for_a_long_run_of_reconciliation(
    desk: HttpDesk, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaks, "PATIENCE_S", 1)
    with the_adapters(database_url) as run, run.transaction():
        run.reconciliation.lock()
        busy = desk.post(f"/v1/breaks/{SMALL}/write-off")
        assert desk.get(f"/v1/breaks/{SMALL}").status_code == 200, "reading waits for nobody"

    assert (busy.status_code, busy.json()["type"]) == (409, "urn:tranche:problem:in-progress")
    assert desk.post(f"/v1/breaks/{SMALL}/write-off").status_code == 201
