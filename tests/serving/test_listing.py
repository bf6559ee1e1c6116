"""Lists at both doors: every row once, the newest first, in a merchant's own scope, and by an index."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from serving.listing.listed import Kind, ListFault, RowPlace, WantedRows
from serving.listing.postgres_listing import filters_of, list_rows, listing_statement
from serving.settings import Settings
from tests.command_line import acts_of
from tests.serving.checkout import NOON, Api, a_merchants_key, an_order_body, local_key, running
from tests.serving.test_accept import provider_url
from tests.serving.test_scope import SECRETS

__all__ = ["provider_url"]

ROWS = 6_000
LARGE = {"decisions", "plans", "plan_standing", "attempts", "refund_payments", "merchant_payouts", "payout_items",
         "payout_orders"}  # fmt: skip

# Only what a list reads is filled in; triggers and foreign keys are off meanwhile.
FILLED = f"""
SET session_replication_role = replica;
INSERT INTO lending.decisions (decision_id, order_id, shopper_id, account_id, merchant_id, product, currency,
       requested_minor, outcome, decided_at, policy_digest, model_digest, feature_set_digest, inputs, answer, digest)
SELECT 'd-' || n, 'o-' || n, 's-' || n % 600, 'a', 'm-' || n % 120, 'pay_in_3', 'GBP', 9000,
       CASE n % 20 WHEN 0 THEN 'referred' ELSE 'declined' END, timestamptz '2026-01-01' + (n / 3) * interval '1 hour',
       '', '', '', '', '', ''
  FROM generate_series(1, {ROWS}) n;
INSERT INTO lending.plans (plan_id, shopper_id, account_id, merchant_id, order_id, decision_id, origin, product,
       opened_on, currency, principal_minor, merchant_discount_minor, annual_rate_basis_points, terms_version,
       taken_from)
SELECT 'p-' || n, 's-' || n % 600, 'a', 'm-' || n % 120, 'o-' || n, 'd-' || n, 'checkout', 'pay_in_3',
       date '2026-01-01' + n / 40, 'GBP', 9000, 0, 0, 'pay-in-3-1', '{{}}'
  FROM generate_series(1, {ROWS}) n;
INSERT INTO lending.plan_standing (plan_id, status, folded_through)
SELECT 'p-' || n, CASE n % 20 WHEN 0 THEN 'charged_off' ELSE 'open' END, date '2026-06-01'
  FROM generate_series(1, {ROWS}) n;
INSERT INTO payments.attempts (attempt_id, instalment_id, number, plan_id, shopper_id, account_id, provider, currency,
       fees_minor, interest_minor, principal_minor, due_on, requested_on, opens_plan, state, provider_reference)
SELECT 'p-' || n || ':1#1', 'p-' || n || ':1', 1, 'p-' || n, 's-' || n % 600, 'a', 'sandbox', 'GBP', 0, 0, 3000,
       date '2026-01-01', date '2026-01-01' + n / 40, false, CASE n % 20 WHEN 0 THEN 'unknown' ELSE 'settled' END,
       'pay_' || n
  FROM generate_series(1, {ROWS}) n;
INSERT INTO payments.refund_payments (payment_id, refund_id, number, plan_id, shopper_id, account_id, way, currency,
       amount_minor, requested_on, state)
SELECT 'r-' || n || '#1', 'r-' || n, 1, 'p-' || n, 's-' || n % 600, 'a', 'bank', 'GBP', 500,
       date '2026-01-01' + n / 40, CASE n % 20 WHEN 0 THEN 'unknown' ELSE 'paid' END
  FROM generate_series(1, {ROWS}) n;
INSERT INTO payments.merchant_payouts (payout_id, merchant_id, currency, amount_minor, requested_on, terms_version,
       settled_through)
SELECT 'po-' || n, 'm-' || n % 120, 'GBP', n % 20, date '2026-01-01' + n / 40, 'default-1', n
  FROM generate_series(1, {ROWS}) n;
INSERT INTO payments.payout_items (entry_id, payout_id, kind, value_date, amount_minor, order_id)
SELECT 'e-' || n, 'po-' || n, 'sale', date '2026-01-01', 100, 'o-' || n FROM generate_series(1, {ROWS}) n;
INSERT INTO payments.payout_orders (payout_id, kind, payee_id, amount_minor, currency, requested_on, batch_id)
SELECT 'po-' || n, 'payouts', 'm-' || n % 120, 100, 'GBP', date '2026-01-01', 'b-' || n / 40
  FROM generate_series(1, {ROWS}) n WHERE n % 20 > 0;
INSERT INTO payments.payout_batches (batch_id, kind, day, serial, sha256, written_at)
SELECT 'b-' || n, 'payouts', date '2026-01-01' + n, 1, repeat('a', 64), now() FROM generate_series(0, {ROWS} / 40) n;
SET session_replication_role = origin;
ANALYZE lending.decisions, lending.plans, lending.plan_standing, payments.attempts, payments.refund_payments,
        payments.merchant_payouts, payments.payout_items, payments.payout_orders, payments.payout_batches;
"""

VALUES = {
    Kind.DECISIONS: {"state": "referred"},
    Kind.PLANS: {"state": "charged_off"},
    Kind.PAYMENTS: {"state": "unknown", "reference": "pay_7"},
    Kind.REFUNDS: {"state": "unknown", "reference": "r-7"},
    Kind.PAYOUTS: {"state": "sent", "reference": "b-7"},
}


def test_pages_have_every_row_once_and_read_no_large_table_whole(connection: psycopg.Connection[Any]) -> None:
    connection.execute(FILLED)
    connection.execute("SET random_page_cost = 1.1")  # as on a disk without moving parts
    scanned: dict[str, set[str]] = {}
    for kind in Kind:
        ids, after = list[str](), None
        while True:
            page = list_rows(connection, kind, WantedRows(), after=after, limit=200)
            ids += [str(next(iter(row.values()))) for row in page.rows]
            after = page.next_place
            if after is None:
                break
        assert (len(ids), len(set(ids))) == (ROWS, ROWS), kind
        common = {"shopper_id": "s-7", "order_id": "o-7", "merchant_id": "m-7"}
        known = {name: value for name, value in (common | VALUES[kind]).items() if name in filters_of(kind)}
        assert known.keys() == set(filters_of(kind)), "each filter is tried"
        middle: Any = datetime(2026, 2, 1, tzinfo=UTC)
        place = RowPlace(middle if kind is Kind.DECISIONS else middle.date(), "x")
        asked = [WantedRows(), WantedRows(since=middle), WantedRows(until=middle)]
        asked += [replace(WantedRows(), **{name: value}) for name, value in known.items()]
        for wanted in asked:
            assert list_rows(connection, kind, wanted, after=None, limit=200).rows, (kind, wanted)
            statement, values = listing_statement(kind, wanted, after=place, limit=51)
            plan = connection.execute(f"EXPLAIN {statement}", values).fetchall()
            lines = " ".join(line for (line,) in plan)
            scanned.setdefault(f"{kind} {wanted.equal}", set()).update(
                table for table in LARGE if f"Seq Scan on {table} " in lines
            )
    assert {name: tables for name, tables in scanned.items() if tables} == {}


def test_a_filter_that_a_list_does_not_have_is_named(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(ListFault, match="reference: plans are found by shopper_id"):
        list_rows(connection, Kind.PLANS, WantedRows(reference="x"), after=None, limit=1)


@pytest.fixture
def shop(settings: Settings, provider_url: str, connection: psycopg.Connection[Any]) -> Iterator[Api]:
    """Two merchants with an accepted order each, of one shopper."""
    with running(replace(settings, provider_url=provider_url)) as api:
        own = local_key(settings.database_url)
        for merchant in ("m-1", "m-2"):
            key = a_merchants_key(connection, merchant)
            api.headers["Authorization"] = f"Bearer {key}"
            body = an_order_body(order_id=f"o-{merchant}", merchant_id=merchant, shopper_id="s-pays")
            decided = api.post("/v1/decisions", json=body, headers={"Idempotency-Key": "k"}).json()
            accepted = api.post(f"/v1/decisions/{decided['decision_id']}/accept", headers={"Idempotency-Key": "k"})
            assert accepted.status_code == 201, accepted.text
            api.headers[f"X-{merchant}"] = key
        api.headers["Authorization"] = f"Bearer {own}"
        yield api


def test_a_merchant_lists_its_own_rows_and_nothing_that_is_known_of_the_shopper(shop: Api) -> None:
    def rows(path: str, key: str = "", **params: Any) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = shop.get(path, params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["rows"])

    ours = shop.headers["X-m-1"]
    for kind in ("decisions", "plans", "payments"):
        assert len(rows(f"/v1/{kind}")) == 2, "the lender sees both"
        assert [row["merchant_id"] for row in rows(f"/v1/{kind}", ours)] == ["m-1"]
        assert rows(f"/v1/{kind}", ours, merchant_id="m-2") == []
        assert [row["order_id"] for row in rows(f"/v1/{kind}", order_id="o-m-2")] == ["o-m-2"]
        assert not any(word in name for row in rows(f"/v1/{kind}", ours) for name in row for word in SECRETS)
    (payment,) = rows("/v1/payments", order_id="o-m-1")
    assert [row["attempt_id"] for row in rows("/v1/payments", reference=payment["reference"])] == [
        payment["attempt_id"]
    ]
    assert rows("/v1/decisions", until=NOON.isoformat()) == []
    assert len(rows("/v1/decisions", since=NOON.isoformat(), until=(NOON + timedelta(days=1)).isoformat())) == 2
    assert rows("/v1/refunds") == rows("/v1/payouts") == []


def test_a_cursor_leads_through_a_list_while_it_grows(client: Api, connection: psycopg.Connection[Any]) -> None:
    def place_orders(first: int, last: int) -> None:
        for number in range(first, last):
            body = an_order_body(order_id=f"o-{number}", amount_minor=1_000)
            client.post("/v1/decisions", json=body, headers={"Idempotency-Key": f"k-{number}"})

    place_orders(0, 3)
    first = client.get("/v1/decisions", params={"limit": 2}).json()
    place_orders(3, 5)
    second = client.get("/v1/decisions", params={"limit": 200, "cursor": first["next_cursor"]}).json()

    seen = [row["decision_id"] for row in first["rows"] + second["rows"]]
    assert len(seen) == len(set(seen)) >= 3
    assert second["next_cursor"] is None
    for wrong in ({"cursor": "x"}, {"limit": 201}, {"cursor": first["next_cursor"][:-2]}, {"since": "soon"}):
        assert client.get("/v1/decisions", params=wrong).status_code == 422, wrong
    other = client.get("/v1/plans", params={"cursor": first["next_cursor"]})
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "cursor")
    assert client.get("/v1/plans", params={"reference": "x"}).json()["errors"][0]["field"] == "reference"


def test_a_shopper_is_shown_with_the_limit_the_exposure_and_the_plans(
    shop: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = shop.get("/v1/shoppers/s-pays").json()
    own = shop.get("/v1/shoppers/s-pays", headers={"Authorization": f"Bearer {shop.headers['X-m-1']}"}).json()
    (tmp_path / "clock").write_text(NOON.isoformat())
    monkeypatch.setenv("TRANCHE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TRANCHE_CLOCK_FILE", str(tmp_path / "clock"))
    serving = acts_of("serving")
    assert serving(["shopper", "s-pays", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert serving(["list", "plans", "--merchant", "m-2", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["rows"]

    (exposure,) = whole["exposures"]
    assert (exposure["limit_minor"], exposure["outstanding_minor"], exposure["left_minor"]) == (
        250_000,
        12_000,
        238_000,
    )
    assert len(whole["plans"]) == 2
    assert (own["exposures"], [row["merchant_id"] for row in own["plans"]]) == ([], ["m-1"])
    assert shop.get("/v1/shoppers/s-none").status_code == 404
    assert told == whole
    assert [row["merchant_id"] for row in listed] == ["m-2"]
