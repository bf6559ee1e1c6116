"""What the acts of a day ask of the simulated provider and bank."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.books.postgres import PostgresLedger
from ledger.money import Currency, Money
from simulation.outside import Outside, OutsideFault, outside
from simulation.shop import CAPITAL, pay_in_capital
from terminal.clock import machine_now
from tests.simulation.test_serve import a_server

DAY = date(2026, 12, 1)
TEN = Money(10_00, Currency.GBP)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Outside]:
    with a_server(tmp_path) as (address, _), outside(address) as connected:
        yield connected


def behaviour(shopper: str, kind: str) -> dict[str, object]:
    return {"account_id": f"a-{shopper}", "shopper_id": shopper, "kind": kind, "from_instalment": 1}


def test_shoppers_of_another_day_join_those_who_are_known(world: Outside, tmp_path: Path) -> None:
    world.know([behaviour("s-1", "pays"), behaviour("s-2", "stops_paying")])
    world.know([behaviour("s-3", "pays"), behaviour("s-2", "pays")])

    known = [json.loads(line) for line in (tmp_path / "repayment_behaviour.jsonl").read_text().splitlines()]
    assert {row["shopper_id"]: row["kind"] for row in known} == {"s-1": "pays", "s-2": "pays", "s-3": "pays"}


def test_what_is_no_behaviour_is_refused_and_changes_nothing(world: Outside, tmp_path: Path) -> None:
    world.know([behaviour("s-1", "pays")])
    before = (tmp_path / "repayment_behaviour.jsonl").read_text()

    with pytest.raises(OutsideFault, match="400"):
        world.know([{"shopper_id": "s-9"}])
    assert (tmp_path / "repayment_behaviour.jsonl").read_text() == before


def test_a_transfer_is_on_the_days_statement_once(world: Outside) -> None:
    paid = [world.pay_in("x", TEN, "p-1", "s-1", DAY) for _ in range(2)]
    ended = world.end_day(DAY)

    assert paid == [True, False]
    assert ended.files == ("statement-2026-12-01-main-GBP.xml",)
    statement = (Path(ended.inbox) / ended.files[0]).read_text()
    assert statement.count("<EndToEndId>p-1</EndToEndId>") == statement.count("<Ntry>") == 1
    assert '<Amt Ccy="GBP">10.00</Amt>' in statement
    assert not world.pay_in("y", TEN, "p-1", "s-1", DAY), "the day has ended"


def test_the_owners_pay_in_once_and_the_bank_holds_what_the_books_say(
    world: Outside, connection: psycopg.Connection[Any]
) -> None:
    ledger = PostgresLedger(connection)
    done = [pay_in_capital(ledger, ledger, world, machine_now()) for _ in range(2)]

    assert done == [True, False]
    assert ledger.balance("bank:main", Currency.GBP).debits_posted == CAPITAL.minor


def test_a_bank_account_that_has_moved_is_given_no_capital(world: Outside, connection: psycopg.Connection[Any]) -> None:
    world.pay_in("x", TEN, "p-1", "s-1", DAY)
    ledger = PostgresLedger(connection)

    assert not pay_in_capital(ledger, ledger, world, machine_now())
    assert ledger.balances() == {}


def test_without_a_provider_it_says_what_starts_one() -> None:
    with outside("http://127.0.0.1:9") as nowhere, pytest.raises(OutsideFault, match="tranche local up"):
        nowhere.end_day(DAY)


def test_an_earlier_day_than_the_last_one_is_refused_in_words(world: Outside) -> None:
    world.end_day(DAY)

    with pytest.raises(OutsideFault, match="2026-11-30 cannot end after 2026-12-01 has"):
        world.end_day(date(2026, 11, 30))
