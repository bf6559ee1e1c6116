"""Close of business charges off what has been past due for long: as an act, with its principal and reason, once."""

import json
from typing import Any

import psycopg
import pytest

from ledger.identity.authority import authority_file
from lending.acts.charge_off_by_rule import (
    CLOSE_OF_BUSINESS,
    RulesFault,
    closing_rules,
    key_of_rule,
    read_closing_rules,
)
from lending.acts.postgres_acts import PostgresActs
from lending.plan.plan import PlanStatus
from tests.command_line import acts_of
from tests.lending.plans import a_plan
from tests.lending.servicing.servicing import Desk, a_payment, day

main = acts_of("lending")

Connection = psycopg.Connection[Any]

LATE = a_plan("90.00", plan_id="p-late", decision_id="d-2", order_id="o-2")
PAID = a_plan("60.00", plan_id="p-paid", decision_id="d-3", order_id="o-3")
LONG = a_plan("90.00", months=3, plan_id="p-long", decision_id="d-4", order_id="o-4")
LIMIT, LIMIT_OF_MONTHLY, FIRST_DUE = 60, 180, 31


def closed(number: int, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was charged off when the day was closed."""
    assert main(["close-of-business", "--date", str(day(number)), "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["charged_off"]
    return found


def test_the_day_before_the_limit_nothing_and_on_the_day_one_act_by_close_of_business(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk.over(connection)
    desk.open(LATE, PAID, LONG)
    for number, amount in enumerate(("20.00", "20.00", "20.00")):
        desk.take(a_payment(PAID, f"x-{number}", day(0), amount))
    connection.commit()
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)

    before, on_the_day, after = closed(LIMIT - 1, capsys), closed(LIMIT, capsys), closed(LIMIT + 1, capsys)

    assert (closing_rules().days_of(LATE.product), closing_rules().days_of(LONG.product)) == (LIMIT, LIMIT_OF_MONTHLY)
    assert (before, after) == ([], [])
    act_id = f"{CLOSE_OF_BUSINESS}.{key_of_rule('p-late')}"
    assert on_the_day == [{"plan_id": "p-late", "days_past_due": LIMIT, "act_id": act_id, "detail": ""}]
    (kept,) = PostgresActs(connection).of_plan("p-late")
    said = f"60 days past due on {day(LIMIT)}; rules-2 charges off pay_in_3 from 60 on"
    assert (kept.asked.act, kept.principal_id, kept.asked.reason) == ("charge-off", CLOSE_OF_BUSINESS, said)
    assert desk.plans.standings(["p-late"])["p-late"].status == PlanStatus.CHARGED_OFF
    last = FIRST_DUE + LIMIT_OF_MONTHLY
    assert closed(last - 1, capsys) == []
    assert [(each["plan_id"], each["days_past_due"]) for each in closed(last, capsys)] == [("p-long", 180)]


def test_its_principal_may_charge_off_alone_and_nothing_else() -> None:
    role = authority_file().role(CLOSE_OF_BUSINESS)

    assert (role.does.acts, role.does.limit, role.approves.acts) == (frozenset({"charge-off"}), None, frozenset())


@pytest.mark.parametrize(
    "text",
    [
        'version = "r"',
        'version = "r"\n[charge_off]\ndays_past_due = 0',
        'version = "r"\n[charge_off]\ndays_past_due = "180"',
        'version = "r"\n[charge_off]\ndays_past_due = 180\n[write_off]\n',
        'version = "r"\n[charge_off]\ndays_past_due = 180\nby_products = {}',
        'version = "r"\n[charge_off]\ndays_past_due = 180\nby_product = 60',
        'version = "r"\n[charge_off]\ndays_past_due = 180\nby_product = { weekly = 60 }',
        'version = "r"\n[charge_off]\ndays_past_due = 180\nby_product = { monthly = true }',
    ],
)
def test_rules_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(RulesFault, match="rules of close of business"):
        read_closing_rules(text)
