"""Concurrent requests on PostgreSQL: one key makes one decision, and a shopper's limit is kept in any order."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from ledger.books.postgres import PostgresLedger
from ledger.money import Currency
from lending.decision.order import Order
from lending.decision.underwrite import Underwritten
from serving import decisions
from serving.decisions import Desk, OrderRequest, decide_once
from serving.settings import Settings
from tests.serving.checkout import LOCAL_PRINCIPAL, Api, an_order_body, count, kept, publish, running


def order(**other: Any) -> Order:
    return OrderRequest.model_validate(an_order_body(**other)).order()


def at_once(times: int, act: Callable[[int], Underwritten]) -> list[Underwritten]:
    with ThreadPoolExecutor(max_workers=16) as threads:
        return list(threads.map(act, range(times)))


def test_one_key_sent_many_times_at_once_is_one_decision(client: Api, connection: psycopg.Connection[Any]) -> None:
    desk = client.desk

    made = at_once(32, lambda _: decide_once(desk, order(), "k-1", LOCAL_PRINCIPAL))

    assert len({each.decision.answer for each in made}) == 1
    assert Counter(each.new for each in made) == {True: 1, False: 31}
    assert kept(connection)["lending.decisions"] == 1
    assert kept(connection)["ledger.outbox"] == 2, "the order and the decision"


def test_one_order_sent_under_many_keys_at_once_is_one_decision(
    client: Api, connection: psycopg.Connection[Any]
) -> None:
    desk = client.desk

    made = at_once(16, lambda number: decide_once(desk, order(), f"k-{number}", LOCAL_PRINCIPAL))

    assert len({each.decision.answer for each in made}) == 1
    assert count(connection, "lending.decisions") == 1


def test_two_shoppers_racing_for_one_order_id_get_one_decision_between_them(
    client: Api, connection: psycopg.Connection[Any]
) -> None:
    """They lock different shoppers, so only the decision's own identity stands between them."""
    desk = client.desk

    def ask(number: int) -> str:
        try:
            return decide_once(
                desk, order(shopper_id=f"s-{number % 2}"), f"k-{number}", LOCAL_PRINCIPAL
            ).decision.answer
        except decisions.Problem as problem:
            return problem.code

    with ThreadPoolExecutor(max_workers=16) as threads:
        answers = Counter(threads.map(ask, range(16)))

    assert answers["order-decided"] == 8
    assert len(answers) == 2
    assert count(connection, "lending.decisions") == 1


def test_many_checkouts_of_one_shopper_never_exceed_the_limit(
    settings: Settings, connection: psycopg.Connection[Any]
) -> None:
    """The limit is 2,500.00: five checkouts of 500.00 fit, however many are asked at the same moment."""
    publish(connection, "a-1", income_mean_180d=5_000_000.0)
    with running(replace(settings, wait_seconds=30)) as client:
        desk = client.desk
        made = at_once(
            200,
            lambda number: decide_once(
                desk, order(order_id=f"o-{number}", amount_minor=50_000), f"k-{number}", LOCAL_PRINCIPAL
            ),
        )

    outcomes = Counter(each.decision.outcome for each in made)
    assert outcomes == {"approved": 5, "declined": 195}
    held = PostgresLedger(connection).balance("memo:commitment", Currency.GBP)
    assert held.debits_pending == 250_000
    row = connection.execute("SELECT sum(amount_minor) FROM lending.reservations").fetchone()
    assert row == (250_000,)


def test_many_shoppers_of_one_account_never_exceed_the_limit_of_one(
    settings: Settings, connection: psycopg.Connection[Any]
) -> None:
    """200 ids on one bank account are one person: five checkouts of 500.00 fit below 2,500.00."""
    publish(connection, "a-1", income_mean_180d=5_000_000.0)
    with running(replace(settings, wait_seconds=30)) as client:
        desk = client.desk

        def ask(number: int) -> Underwritten:
            asked = order(order_id=f"o-{number}", shopper_id=f"s-{number}", amount_minor=50_000)
            return decide_once(desk, asked, f"k-{number}", LOCAL_PRINCIPAL)

        made = at_once(200, ask)

    assert Counter(each.decision.outcome for each in made) == {"approved": 5, "declined": 195}
    held = PostgresLedger(connection).balance("memo:commitment", Currency.GBP)
    assert held.debits_pending == 250_000


def test_a_reservation_that_expired_or_was_released_makes_room_again(
    settings: Settings, connection: psycopg.Connection[Any]
) -> None:
    from datetime import timedelta

    from lending.decision.postgres import PostgresDecisions
    from tests.serving.checkout import NOON

    publish(connection, "a-1", income_mean_180d=5_000_000.0)

    def outcome(desk: Desk, number: int) -> Underwritten:
        return decide_once(desk, order(order_id=f"o-{number}", amount_minor=50_000), f"k-{number}", LOCAL_PRINCIPAL)

    with running(settings) as client:
        made = [outcome(client.desk, number) for number in range(6)]
        assert [each.decision.outcome for each in made] == ["approved"] * 5 + ["declined"]
        PostgresDecisions(connection).release(made[0].decision.decision_id, at=NOON, reason="down payment declined")
        connection.commit()
        again = [outcome(client.desk, number) for number in (6, 7)]
        assert [each.decision.outcome for each in again] == ["approved", "declined"]
    with running(settings, at=NOON + timedelta(hours=23, minutes=59)) as client:
        assert outcome(client.desk, 8).decision.outcome == "declined"
    with running(settings, at=NOON + timedelta(hours=24)) as client:
        assert outcome(client.desk, 9).decision.outcome == "approved"


@pytest.mark.parametrize("step", ["outbox.append_all", "PostgresLedger.hold"])
def test_a_failure_after_the_decision_was_written_leaves_nothing(
    client: Api, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The step itself runs and then fails, so that everything before it had been written."""
    holder, name = {
        "outbox.append_all": (decisions.outbox, "append_all"),
        "PostgresLedger.hold": (PostgresLedger, "hold"),
    }[step]
    real = getattr(holder, name)

    def fails(*positional: Any, **named: Any) -> None:
        real(*positional, **named)
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(holder, name, fails)
        response = client.post("/v1/decisions", json=an_order_body(), headers={"Idempotency-Key": "k-1"})
        assert response.status_code == 500
        assert "power" not in response.text

    assert set(kept(connection).values()) == {0}
    assert count(connection, "ledger.requests") == 0
    assert decide_once(client.desk, order(), "k-1", LOCAL_PRINCIPAL).decision.outcome == "approved"
