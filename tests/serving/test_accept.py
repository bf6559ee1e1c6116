"""Accepting an offer over HTTP, with the provider of the simulated world beside it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn

from ledger.account import Side
from ledger.books.postgres import PostgresLedger
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import add_principal
from ledger.money import Currency
from lending.plan.plan import InstalmentStatus
from lending.servicing.postgres import PostgresPlans
from payments.postgres import connected
from payments.provider.sandbox import SandboxProvider
from payments.wiring import adapters_over
from serving.plan_routes.plans import plan_answer
from serving.settings import Settings
from simulation.server import create_provider_app
from simulation.settings import Settings as WorldSettings
from tests.payments.acts import collect
from tests.serving.checkout import NOON, Api, a_merchants_key, an_order_body, local_key, publish, running
from tests.waiting import until

Accept = Callable[..., httpx.Response]


@pytest.fixture
def provider_url(tmp_path: Path) -> Iterator[str]:
    """The simulated provider; shopper s-<kind> behaves as <kind>."""
    folder = tmp_path / "provider"
    folder.mkdir()
    kinds = ("pays", "pays_on_retry", "stops_paying", "answers_late")
    lines = [
        f'{{"account_id": "a", "shopper_id": "s-{kind}", "kind": "{kind}", "from_instalment": 0}}' for kind in kinds
    ]
    (folder / "repayment_behaviour.jsonl").write_text("\n".join(lines))
    app = create_provider_app(WorldSettings(folder))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started or not thread.is_alive())
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture
def shop(settings: Settings, provider_url: str, connection: psycopg.Connection[Any]) -> Iterator[Api]:
    key = a_key_of(connection)
    with running(replace(settings, provider_url=provider_url)) as api:
        api.headers["Authorization"] = f"Bearer {key}"
        yield api


def a_key_of(connection: psycopg.Connection[Any]) -> str:
    """The key of the shop of the merchant m-1."""
    return a_merchants_key(connection)


def decide(api: Api, **other: Any) -> str:
    reply = api.post("/v1/decisions", json=an_order_body(**other), headers={"Idempotency-Key": f"d-{other}"})
    assert reply.status_code == 201, reply.text
    assert reply.json()["outcome"] == "approved", reply.text
    return str(reply.json()["decision_id"])


def accept(api: Api, decision_id: str, key: str = "k-1") -> httpx.Response:
    return api.post(f"/v1/decisions/{decision_id}/accept", headers={"Idempotency-Key": key})


@contextmanager
def books(settings: Settings) -> Iterator[PostgresLedger]:
    with connected(settings.database_url) as connection:
        yield PostgresLedger(connection)


def posted(settings: Settings, account: str, side: Side = Side.DEBIT) -> int:
    with books(settings) as ledger:
        return ledger.balance(account, Currency.GBP).posted(side).minor


def entries(connection: psycopg.Connection[Any]) -> list[str]:
    found = [row[0] for row in connection.execute("SELECT flow FROM ledger.entries ORDER BY position")]
    connection.rollback()
    return found


def test_with_nothing_due_today_the_plan_opens_at_once(shop: Api, settings: Settings) -> None:
    decision_id = decide(shop, product="monthly", duration_months=3, shopper_id="s-pays")

    first = accept(shop, decision_id)
    again = accept(shop, decision_id)

    assert first.status_code == 201
    plan = first.json()
    assert first.headers["Location"] == f"/v1/plans/{plan['plan_id']}"
    assert [each["number"] for each in plan["instalments"]] == [1, 2, 3]
    assert sum(each["principal_minor"] for each in plan["instalments"]) == plan["principal_minor"] == 9_000
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == plan == shop.get(first.headers["Location"]).json()
    assert posted(settings, f"plan:{plan['plan_id']}:principal") == 9_000
    assert posted(settings, "merchant:m-1:payable", Side.CREDIT) == 9_000 - 450
    with books(settings) as ledger:
        assert ledger.balance("memo:commitment", Currency.GBP).debits_pending == 0, "the reservation became a debt"
        assert ledger.trial_balance().balanced


@pytest.mark.parametrize(("product", "numbers"), [("pay_in_4", [0, 1, 2, 3]), ("pay_in_30_days", [1])])
def test_the_short_products_are_offered_too(shop: Api, product: str, numbers: list[int]) -> None:
    reply = accept(shop, decide(shop, product=product, shopper_id="s-pays"))

    assert (reply.status_code, [each["number"] for each in reply.json()["instalments"]]) == (201, numbers)


def test_what_is_due_today_is_captured_before_the_plan_opens(shop: Api, settings: Settings) -> None:
    reply = accept(shop, decide(shop, shopper_id="s-pays"))

    assert reply.status_code == 201
    plan = reply.json()
    assert [(each["number"], each["status"]) for each in plan["instalments"]] == [
        (0, "paid"), (1, "not_due"), (2, "not_due"),
    ]  # fmt: skip
    assert plan["outstanding_minor"] == 6_000
    assert posted(settings, "provider:sandbox:clearing") == 3_000
    assert posted(settings, f"plan:{plan['plan_id']}:principal") == 6_000
    assert posted(settings, "inc:discount", Side.CREDIT) == 150


def test_a_refused_down_payment_is_402_and_posts_nothing(
    shop: Api, settings: Settings, connection: psycopg.Connection[Any]
) -> None:
    decision_id = decide(shop, shopper_id="s-stops_paying")
    before = entries(connection)

    reply = accept(shop, decision_id)

    assert reply.status_code == 402
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["type"].endswith("payment-refused")
    assert {"field": "code", "reason": "insufficient_funds"} in reply.json()["errors"]
    assert entries(connection) == before
    assert accept(shop, decision_id).status_code == 402, "the same key never pays twice"
    assert shop.get(f"/v1/plans/p-{decision_id}").status_code == 404
    with books(settings) as ledger:
        assert ledger.balance("memo:commitment", Currency.GBP).debits_pending == 9_000, "the offer still stands"


def test_after_a_refusal_another_key_may_try_again(shop: Api) -> None:
    decision_id = decide(shop, shopper_id="s-pays_on_retry")

    assert accept(shop, decision_id, "k-1").status_code == 402
    assert accept(shop, decision_id, "k-2").status_code == 201


def test_only_so_many_payments_of_one_offer_are_tried(shop: Api) -> None:
    decision_id = decide(shop, shopper_id="s-stops_paying")

    replies = [accept(shop, decision_id, f"k-{number}").status_code for number in range(4)]

    assert replies == [402, 402, 402, 409]


def test_an_unknown_outcome_is_202_and_asking_again_resolves_it(shop: Api, settings: Settings) -> None:
    decision_id = decide(shop, shopper_id="s-answers_late")

    first = accept(shop, decision_id)
    second = accept(shop, decision_id)

    assert first.status_code == 202
    assert first.json()["status"] == "payment_unknown"
    assert second.status_code == 201
    assert posted(settings, "provider:sandbox:clearing") == 3_000


def test_an_unknown_outcome_is_resolved_by_the_next_collection(
    shop: Api, settings: Settings, provider_url: str
) -> None:
    decision_id = decide(shop, shopper_id="s-answers_late")
    assert accept(shop, decision_id).status_code == 202
    provider = SandboxProvider(provider_url)

    with connected(settings.database_url) as connection:
        report = collect(NOON.date(), ports=adapters_over(connection, provider), at=NOON + timedelta(hours=1))

    provider.close()
    assert (report.resolved, report.captured) == (1, 1)
    assert shop.get(f"/v1/plans/p-{decision_id}").json()["outstanding_minor"] == 6_000
    assert accept(shop, decision_id).headers["Idempotency-Replayed"] == "true"


def test_accepting_at_once_pays_once(shop: Api, settings: Settings) -> None:
    decision_id = decide(shop, shopper_id="s-pays")
    replies: list[int] = []

    def take(number: int) -> None:
        replies.append(accept(shop, decision_id, f"k-{number}").status_code)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(replies) <= {201, 409}
    assert 201 in replies
    assert posted(settings, "provider:sandbox:clearing") == 3_000


def test_an_offer_ends_at_its_hour(settings: Settings, provider_url: str) -> None:
    with running(replace(settings, provider_url=provider_url)) as api:
        decision_id = decide(api, shopper_id="s-pays")
    with running(replace(settings, provider_url=provider_url), at=NOON + timedelta(hours=24)) as api:
        late = accept(api, decision_id)
    with running(replace(settings, provider_url=provider_url), at=NOON + timedelta(hours=24, seconds=-1)) as api:
        just_in_time = accept(api, decision_id)

    assert late.status_code == 409
    assert late.json()["type"].endswith("offer-expired")
    assert just_in_time.status_code == 201


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        pytest.param({"merchant_id": None}, 409, "no-merchant", id="a loan without a merchant"),
        pytest.param({"account_id": "a-nobody"}, 409, "not-approved", id="referred for want of data"),
    ],
)
def test_what_cannot_be_accepted_says_why(shop: Api, order: dict[str, Any], status: int, code: str) -> None:
    shop.headers["Authorization"] = f"Bearer {local_key(shop.app.state.settings.database_url)}"
    made = shop.post("/v1/decisions", json=an_order_body(**order), headers={"Idempotency-Key": "d"})
    assert made.status_code == 201

    reply = accept(shop, made.json()["decision_id"])

    assert (reply.status_code, reply.json()["type"]) == (status, f"urn:tranche:problem:{code}")


def test_an_unknown_decision_and_plan_are_404_and_a_key_belongs_to_one_decision(
    shop: Api, connection: psycopg.Connection[Any]
) -> None:
    assert accept(shop, "d-nothing").status_code == 404
    assert shop.get("/v1/plans/p-nothing").status_code == 404
    publish(connection, "a-2")
    decision_id, other = decide(shop, shopper_id="s-pays"), decide(shop, shopper_id="s-pays", order_id="o-2")

    assert accept(shop, decision_id).status_code == 201, "what is unknown uses up no key"
    reply = accept(shop, other)

    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "decision_id")
    assert shop.post(f"/v1/decisions/{decision_id}/accept").status_code == 400


def test_without_a_provider_accepting_says_which_setting_is_missing(settings: Settings) -> None:
    with running(settings) as api:
        reply = accept(api, decide(api, shopper_id="s-pays"))

    assert reply.status_code == 503
    assert "TRANCHE_PROVIDER_URL" in reply.json()["detail"]


def take_back(api: Api, plan_id: str, minor: int, key: str = "r-1") -> httpx.Response:
    body = {"amount_minor": minor, "currency": "GBP"}
    return api.post(f"/v1/plans/{plan_id}/refunds", json=body, headers={"Idempotency-Key": key})


def test_a_refund_over_http_happens_once_and_names_what_is_left(shop: Api, settings: Settings) -> None:
    accepted = accept(shop, decide(shop, shopper_id="s-pays")).json()
    plan_id, whole = accepted["plan_id"], accepted["principal_minor"]

    first, again = take_back(shop, plan_id, 10_00), take_back(shop, plan_id, 10_00)
    other, beyond = take_back(shop, plan_id, 11_00), take_back(shop, plan_id, whole, key="r-2")
    unknown = take_back(shop, "p-x", 1_00, key="r-3")

    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.json()["refundable_rest_minor"], again.json()) == (whole - 10_00, first.json())
    assert ("Idempotency-Replayed" in first.headers, "Idempotency-Replayed" in again.headers) == (False, True)
    assert (other.status_code, other.json()["type"].rpartition(":")[2]) == (422, "key-reused")
    assert (beyond.status_code, beyond.json()["type"].rpartition(":")[2]) == (409, "refund-refused")
    assert "can still be refunded" in beyond.json()["errors"][0]["reason"]
    assert unknown.status_code == 404
    assert shop.get(f"/v1/plans/{plan_id}").json()["refunded_minor"] == 10_00


def test_an_order_just_after_midnight_in_london_belongs_to_the_new_day_there(
    settings: Settings, provider_url: str, connection: psycopg.Connection[Any]
) -> None:
    """00:30 on 1 July in London is 23:30 on 30 June in UTC."""
    just_after_midnight = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    publish(connection, at=just_after_midnight)

    key = a_key_of(connection)
    with running(replace(settings, provider_url=provider_url), just_after_midnight) as api:
        api.headers["Authorization"] = f"Bearer {key}"
        plan = accept(api, decide(api, shopper_id="s-pays")).json()
        later = accept(
            api, decide(api, shopper_id="s-pays", order_id="o-2", product="monthly", duration_months=3), "k-2"
        )
        refunded = take_back(api, plan["plan_id"], 10_00)
        read = api.get(f"/v1/plans/{plan['plan_id']}").json()

    assert plan["opened_on"] == later.json()["opened_on"] == "2026-07-01"
    assert [(each["due_on"], each["status"]) for each in plan["instalments"]] == [
        ("2026-07-01", "paid"), ("2026-07-31", "not_due"), ("2026-08-30", "not_due"),
    ]  # fmt: skip
    assert later.json()["instalments"][0]["due_on"] == "2026-08-01"
    assert (refunded.status_code, read["refunded_minor"]) == (201, 10_00)
    booked = list(connection.execute("SELECT DISTINCT value_date::text FROM ledger.entries"))
    told_early = list(connection.execute("SELECT event_id FROM lending.plan_events WHERE occurred_at > recorded_at"))
    history = PostgresPlans(connection).histories([plan["plan_id"]])[plan["plan_id"]]
    connection.rollback()
    assert (booked, told_early) == ([("2026-07-01",)], [])
    on_the_second_due = plan_answer(history, datetime(2026, 7, 30, 23, 30, tzinfo=UTC)).instalments[1]
    assert (str(on_the_second_due.due_on), on_the_second_due.status) == ("2026-07-31", InstalmentStatus.DUE)


def test_a_plan_is_read_and_refunded_only_with_a_key_and_within_the_roles_limit(
    shop: Api, connection: psycopg.Connection[Any]
) -> None:
    plan_id = accept(shop, decide(shop, shopper_id="s-pays")).json()["plan_id"]
    agent = add_principal("agent", "agent", expires_at=None, principals=PostgresPrincipals(connection), at=NOON)
    connection.commit()

    beyond = take_back(shop, plan_id, 1_000_01)
    shop.headers["Authorization"] = f"Bearer {agent}"
    stranger, read = take_back(shop, plan_id, 1_00), shop.get(f"/v1/plans/{plan_id}")
    del shop.headers["Authorization"]
    without = take_back(shop, plan_id, 1_00), shop.get(f"/v1/plans/{plan_id}")

    assert (beyond.status_code, stranger.status_code, read.status_code) == (403, 403, 200)
    assert beyond.json()["detail"] == "The role shop of m-1-shop may not refund 1000.01 GBP alone."
    assert [each.status_code for each in without] == [401, 401]
    assert read.json()["refunded_minor"] == 0
