"""One behaviour suite over every store of plans."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, IntegrityConstraintViolation

from ledger.books.store import Conflict
from lending.servicing.memory import MemoryPlans
from lending.servicing.postgres import PostgresPlans
from lending.servicing.store import Plans
from tests.lending.plans import OPENED_ON, a_plan
from tests.lending.servicing.servicing import Desk

Connection = psycopg.Connection[Any]


@pytest.fixture(params=["memory", "postgres"])
def plans(request: pytest.FixtureRequest) -> Iterator[Plans]:
    if request.param == "memory":
        yield MemoryPlans()
        return
    connection: Connection = request.getfixturevalue("connection")
    connection.execute("SET ROLE tranche_application")
    yield PostgresPlans(connection)
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what a commit would check
    connection.rollback()


def test_a_plan_reads_back_as_it_was_agreed(plans: Plans) -> None:
    plan = a_plan("1000.00", months=12, rate=990, taken_from={"loan_id": "5314"})

    assert plans.open(plan) is True
    assert plans.get(plan.plan_id) == plan
    assert plans.get("p-d-9") is None


def test_a_rate_of_more_digits_than_basis_points_reads_back_exactly(plans: Plans) -> None:
    plan = a_plan("1000.00", months=12, rate=Decimal("948.22"))
    whole = a_plan("1000.00", months=12, rate=990, plan_id="p-d-2", decision_id="d-2")
    plans.open_all([plan, whole])

    read = plans.get(plan.plan_id)

    assert read == plan
    assert plans.open(plan) is False
    assert type(plans.get("p-d-2").annual_rate_basis_points) is int  # type: ignore[union-attr]


def test_opening_a_plan_again_changes_nothing(plans: Plans) -> None:
    plans.open(a_plan())

    assert plans.open(a_plan()) is False
    assert plans.open_all([a_plan(), a_plan(plan_id="p-d-2", decision_id="d-2")]) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"account_id": "809"}, "account_id"),
        ({"merchant_id": None}, "merchant_id"),
        ({"opened_on": OPENED_ON + timedelta(days=1)}, "opened_on"),
        ({"taken_from": {"amount_minor": "1"}}, "amount_minor"),
    ],
)
def test_another_plan_under_a_known_id_is_a_conflict_that_names_the_field(
    plans: Plans, change: dict[str, Any], field: str
) -> None:
    plans.open(a_plan())

    with pytest.raises(Conflict, match=field):
        plans.open_all([a_plan(plan_id="p-d-2", decision_id="d-2"), replace(a_plan(), **change)])
    assert plans.get("p-d-2") is None


def test_a_batch_that_holds_one_plan_twice_with_two_contents_keeps_none(plans: Plans) -> None:
    with pytest.raises(Conflict):
        plans.open_all([a_plan(), a_plan(account_id="809")])
    assert plans.get("p-d-1") is None


def test_plans_are_found_by_the_bank_account_oldest_first(plans: Plans) -> None:
    newer = a_plan(plan_id="p-d-2", decision_id="d-2", opened_on=OPENED_ON + timedelta(days=1))
    other = a_plan(plan_id="p-d-3", decision_id="d-3", account_id="809")
    plans.open_all([newer, a_plan(), other])

    assert [plan.plan_id for plan in plans.find_by_account("808")] == ["p-d-1", "p-d-2"]
    assert plans.find_by_account("810") == ()


@pytest.mark.parametrize("table", ["plans", "instalments", "plan_events"])
def test_nobody_changes_what_was_agreed_or_what_happened(connection: Connection, table: str) -> None:
    Desk.over(connection).open(a_plan())
    connection.commit()

    for change in (
        f"UPDATE lending.{table} SET plan_id = plan_id",
        f"DELETE FROM lending.{table}",
        f"TRUNCATE lending.{table} CASCADE",
    ):
        with pytest.raises(InsufficientPrivilege, match="only ever added to"), connection.transaction():
            connection.execute(change)
    connection.execute("SET ROLE tranche_application")
    with pytest.raises(InsufficientPrivilege, match="permission denied"):
        connection.execute(f"DELETE FROM lending.{table}")


def test_a_plan_whose_instalments_do_not_repay_it_is_not_committed(connection: Connection) -> None:
    PostgresPlans(connection).open(a_plan())
    connection.commit()

    connection.execute("INSERT INTO lending.instalments VALUES ('p-d-1/3', 'p-d-1', 3, '2026-05-01', 1, 0)")
    with pytest.raises(IntegrityConstraintViolation, match="p-d-1: instalments repay 10001 of 10000"):
        connection.commit()
