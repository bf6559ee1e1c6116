"""From a decision to a refund: every fact that this writes is what its contract says, and every contract has facts."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from data_contracts.catalog import event_contracts
from data_contracts.contract import Contract
from data_contracts.quarantine import violations_of
from ledger.money import Currency, Money
from ledger.outbox.fact_log import Written
from ledger.outbox.postgres_outbox import JOURNAL, LOGS, OUTBOX, relaying
from lending.plan.event import Route
from lending.servicing.close_of_business import close_of_business
from lending.servicing.postgres_close import PostgresBusinessDates
from payments.collection.accept_offer import Accepted
from payments.disputes.dispute import DisputeNotice, DisputeStage, NoticeTaken
from payments.postgres import connected
from payments.refunds.refund import RefundTaken
from payments.wiring import Adapters, adapters_over
from serving.decisions import decide_once
from serving.settings import Settings
from tests.payments.acts import accept_offer, pay_refunds, refund, take_notice
from tests.payments.outside import Outside, at, days, evening, merchants_paid, pay_capital_in
from tests.payments.plans import MERCHANT_TERMS, the_same_for_all
from tests.serving.checkout import LOCAL_PRINCIPAL, NOON, promoted, publish, running
from tests.serving.test_races import order

SHOPPERS = {"pays": 2, "takes_back": 1, "stops_paying": 1}
DAYS = 75


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("facts")


@pytest.fixture(scope="module")
def course(template_database: str, module_folder: Path) -> Iterator[str]:
    """A database in which plans were decided, accepted, collected, returned, disputed, charged late and refunded."""
    admin = template_database.replace("/tranche?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as server:
        server.execute("CREATE DATABASE facts_course TEMPLATE tranche")
    url = template_database.replace("/tranche?", "/facts_course?")
    with psycopg.connect(url) as connection:
        promoted(module_folder / "models")
        publish(connection)
    _go(Settings(database_url=url, models_dir=module_folder / "models"), module_folder)
    yield url
    with psycopg.connect(admin, autocommit=True) as server:
        server.execute("DROP DATABASE facts_course WITH (FORCE)")


def _go(settings: Settings, folder: Path) -> None:
    shoppers = {f"s-{kind}-{number}": (kind, 1) for kind, count in SHOPPERS.items() for number in range(count)}
    outside = Outside(folder, shoppers)
    with running(settings) as api, connected(settings.database_url) as connection:
        ports = replace(adapters_over(connection, outside.provider), merchants=the_same_for_all(MERCHANT_TERMS))
        pay_capital_in(ports, NOON.date())
        made = [
            decide_once(api.desk, order(order_id=f"o-{shopper}", shopper_id=shopper), shopper, LOCAL_PRINCIPAL)
            for shopper in shoppers
        ]
        unknown = order(order_id="o-new", shopper_id="s-new", account_id="a-new")
        assert decide_once(api.desk, unknown, "new", LOCAL_PRINCIPAL).decision.offer is None
        plans = []
        for each in made:
            accepted = accept_offer(each.decision.decision_id, asked_by="k", ports=ports, at=NOON)
            assert isinstance(accepted, Accepted)
            plans.append(accepted.plan)
        _take_back(ports, outside, plans[0].plan_id)
        for day in days(NOON.date(), DAYS):
            _close(connection, ports, day)
            evening(ports, outside, day)
        _dispute(ports, f"{plans[1].instalments[1].instalment_id}#1", NOON.date() + timedelta(days=DAYS))


def _take_back(ports: Adapters, outside: Outside, plan_id: str) -> None:
    merchants_paid(ports, outside, NOON.date())
    answer = refund(plan_id, "r-1", Money(10_00, Currency.GBP), ports=ports, at=NOON + timedelta(hours=1))
    assert isinstance(answer, RefundTaken)
    pay_refunds(NOON.date(), ports=ports, outbox=outside.outbox, at=at(NOON.date(), 20))


def _close(connection: psycopg.Connection[Any], ports: Adapters, day: date) -> None:
    with connection.transaction():
        close_of_business(
            day,
            plans=ports.plans,
            dates=PostgresBusinessDates(connection),
            ledger=ports.ledger,
            terms=ports.terms,
            at=datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC),
            commit=lambda: None,
        )


def _dispute(ports: Adapters, attempt_id: str, day: date) -> None:
    told = DisputeNotice("cb-1", DisputeStage.OPENED, attempt_id, route=Route.CARD, told_on=day)
    assert isinstance(take_notice(told, ports=ports, at=at(day)), NoticeTaken)


def written(url: str, log: str) -> list[Written]:
    with relaying(url) as logs:
        return logs.read(log, after=0, through=logs.horizon(log).position, limit=1_000_000)


def platform_contracts() -> dict[str, Contract]:
    return {
        event_type: found
        for event_type, found in event_contracts().items()
        if found.by_name["source"].valid_values == ("platform",)
    }


def test_a_fact_may_be_about_money_of_any_currency() -> None:
    listed = {
        event_type: found.by_name["currency"].valid_values
        for event_type, found in platform_contracts().items()
        if "currency" in found.by_name
    }

    assert len(listed) >= 9
    assert set(listed.values()) == {tuple(sorted(Currency))}


def test_every_fact_obeys_its_contract_and_says_what_its_row_says(course: str) -> None:
    contracts = platform_contracts()
    for log in LOGS:
        facts = written(course, log)
        assert facts
        for fact in facts:
            body = json.loads(fact.body)
            found = contracts[fact.event_type]
            assert violations_of(found, body) == (), fact
            assert set(body) == set(found.by_name), "neither a column too many nor one forgotten"
            assert (body["event_id"], body["event_type"]) == (fact.event_id, fact.event_type)
            assert body["sequence"] == fact.position


def test_every_contract_of_the_platforms_facts_is_written_by_some_course(course: str) -> None:
    told = {fact.event_type for log in LOGS for fact in written(course, log)}

    assert told == set(platform_contracts())


def test_an_id_is_told_once(course: str) -> None:
    ids = [fact.event_id for log in LOGS for fact in written(course, log)]

    assert len(ids) == len(set(ids))


def test_all_that_is_told_of_one_plan_has_one_key(course: str) -> None:
    bodies = [(fact.key, json.loads(fact.body)) for log in LOGS for fact in written(course, log)]

    assert {key for key, body in bodies if body.get("plan_id")} == {
        body["plan_id"] for _, body in bodies if body.get("plan_id")
    }
    assert [body for key, body in bodies if body.get("plan_id") and key != body["plan_id"]] == []
    decided = {key: body["decision_id"] for key, body in bodies if body["event_type"] == "decision_made.v1"}
    opened = {key: body["decision_id"] for key, body in bodies if body["event_type"] == "plan_opened.v1"}
    assert opened.items() <= decided.items(), "a decision is told in the order of the plan that it becomes"


def test_the_facts_add_up_to_the_tables(course: str) -> None:
    facts = [json.loads(fact.body) for fact in written(course, OUTBOX)]

    def of(event_type: str) -> list[dict[str, Any]]:
        return [body for body in facts if body["event_type"] == event_type]

    open_now: dict[str, int] = {}
    for body in of("instalment_changed.v1"):
        open_now[body["instalment_id"]] = open_now.get(body["instalment_id"], 0) + body["open_change_minor"]
        assert open_now[body["instalment_id"]] == body["open_minor"]
    with psycopg.connect(course) as connection:
        standing = dict(connection.execute(STANDING).fetchall())
        (paid,) = connection.execute(PAID).fetchone() or (None,)
        (moves,) = connection.execute("SELECT count(*) FROM payments.attempt_events").fetchone() or (None,)
        (lines,) = connection.execute(LINES).fetchone() or (None,)
        (decisions,) = connection.execute("SELECT count(*) FROM lending.decisions").fetchone() or (None,)
        (events,) = connection.execute("SELECT count(*) FROM lending.plan_events").fetchone() or (None,)
        (posted,) = connection.execute(POSTED).fetchone() or (None,)
    assert open_now == standing
    assert sum(body["amount_minor"] for body in of("repayment_received.v1")) == paid > 0
    assert len(of("attempt_moved.v1")) == moves
    assert len(of("settlement_line.v1")) == lines
    assert sum(body["amount_minor"] for body in of("settlement_line.v1")) == 0
    assert len(of("decision_made.v1")) == len(of("order_placed.v1")) == decisions
    assert len(of("plan_event.v1")) == events
    assert {body["state"] for body in of("attempt_moved.v1")} >= {"presumed_paid", "settled", "returned", "disputed"}
    entries = [json.loads(fact.body) for fact in written(course, JOURNAL)]
    assert sum(t["minor"] for body in entries for t in json.loads(body["transfers"])) == posted > 0


STANDING = """
SELECT instalment_id, open_principal_minor + open_interest_minor + open_fees_minor FROM lending.instalment_standing
"""
PAID = """
SELECT sum((body -> 'amount' ->> 'minor')::bigint)::bigint FROM lending.plan_events
 WHERE kind IN ('paid', 'paid_off', 'recovered')
"""
LINES = "SELECT count(*) FROM payments.lines JOIN payments.files f USING (sha256) WHERE f.kind = 'provider_settlement'"
POSTED = "SELECT sum(amount_minor)::bigint FROM ledger.transfers WHERE NOT pending"
