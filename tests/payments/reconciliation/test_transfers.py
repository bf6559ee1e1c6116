"""A checkout shopper sends by bank transfer what would be collected from their card."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from data_contracts.catalog import contract
from data_contracts.files import write_rows
from ledger.account import Side
from lending.plan.plan import Plan
from payments.files.bank_statement import COLUMNS as STATEMENT
from payments.files.control_file import write_controlled
from payments.provider.charge import ChargeRefusalCode, ChargeRefused, Succeeded
from payments.provider.simulated import SimulatedProvider
from payments.wiring import Adapters
from tests.payments.outside import collected, reconciled
from tests.payments.plans import an_open_plan, first_due, pending, posted, rows, the_adapters

SUSPENSE, IN_FLIGHT = "suspense:unapplied", "rail:card:sandbox:in_flight"


def a_transfer(folder: Path, plan: Plan, minor: int, *, reference: str | None = None) -> Path:
    """A file of one line: the shopper sent this amount on the first due day."""
    line = {
        "line_id": "t-1",
        "account_id": plan.account_id,
        "amount_minor": minor,
        "currency": "GBP",
        "booked_on": first_due(plan),
        "reference": reference,
        "source": "seeded",
    }
    path = folder / "transfers.csv"
    write_rows(path, contract("repayment_line"), [line])
    return path


def owed(ports: Adapters, plan: Plan) -> int:
    return sum(each.open_amount.minor for each in ports.plans.due(first_due(plan)))


@pytest.mark.parametrize("named", [False, True], ids=["by account and amount", "by the due's id"])
def test_a_transfer_of_what_is_due_pays_it_and_the_card_is_not_charged(
    database_url: str, tmp_path: Path, named: bool
) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        due, instalment = first_due(plan), plan.instalments[0]
        sent = a_transfer(
            tmp_path, plan, instalment.amount.minor, reference=instalment.instalment_id if named else None
        )
        report = reconciled(ports, [sent], due)
        next_morning = collected(ports, due + timedelta(days=1))

        assert (report.breaks, report.unmatched) == ({}, 0)
        assert owed(ports, plan) == 0
        assert posted(ports, SUSPENSE, Side.CREDIT) == 0
        assert (next_morning.instalments_due, provider.requests) == (0, [])


@pytest.mark.parametrize("captured", [False, True])
def test_a_transfer_beside_an_attempt_in_flight_is_credited_and_waits_for_its_outcome(
    database_url: str, tmp_path: Path, captured: bool
) -> None:
    """Refused, the transfer pays the due. Captured, it is the shopper's, and pays the next due instead of the card."""
    provider = SimulatedProvider(lose_answers=lambda _: True)
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        due, amount = first_due(plan), plan.instalments[0].amount.minor
        collected(ports, due)
        key = f"{plan.instalments[0].instalment_id}#1"
        provider.book[key] = (
            Succeeded(key, "r", plan.instalments[0].amount, due)
            if captured
            else ChargeRefused(key, ChargeRefusalCode.INSUFFICIENT_FUNDS)
        )
        report = reconciled(ports, [a_transfer(tmp_path, plan, amount)], due)
        credit = f"shopper:{plan.shopper_id}:credit_balance"
        held = (posted(ports, credit, Side.CREDIT), pending(ports, IN_FLIGHT))
        collected(ports, due + timedelta(days=4))

        assert (report.breaks, held) == ({}, (amount, amount))
        assert owed(ports, plan) == 0
        assert posted(ports, credit, Side.CREDIT) == (amount if captured else 0)
        collected(ports, plan.instalments[1].due_on)
        asked = rows(ports, "SELECT attempt_id FROM payments.attempts ORDER BY attempt_id")
        assert asked == [(key,)] if captured else [(key,), (f"{plan.instalments[1].instalment_id}#1",)]
        assert ports.ledger.trial_balance().balanced


@pytest.mark.parametrize("words", ["{plan}", "sofa {plan} thanks", "{PLAN}/1", "Ref:{plan}."])
def test_a_credit_at_our_bank_that_names_a_plan_pays_it(database_url: str, tmp_path: Path, words: str) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        due, amount = first_due(plan), plan.instalments[0].amount.minor
        said = words.format(plan=plan.plan_id, PLAN=plan.plan_id.upper())
        report = reconciled(ports, [a_statement(tmp_path / "b.csv", (amount, said), on=due)], due)
        next_morning = collected(ports, due + timedelta(days=1))

        assert (report.breaks, report.unmatched) == ({}, 0)
        assert owed(ports, plan) == 0
        assert (posted(ports, "bank:main"), posted(ports, SUSPENSE, Side.CREDIT)) == (amount, 0)
        assert (next_morning.instalments_due, provider.requests) == (0, [])


def test_a_credit_that_names_two_plans_or_none_is_for_a_person_until_a_plan_is_known(
    database_url: str, tmp_path: Path
) -> None:
    with the_adapters(database_url) as ports:
        first, second = an_open_plan(ports, 1), an_open_plan(ports, 2)
        due = first_due(first)
        both = (5_00, f"{first.plan_id} {second.plan_id}")
        report = reconciled(ports, [a_statement(tmp_path / "b.csv", both, (7_00, "thanks"), on=due)], due)

        assert report.breaks == {"E4": 2}
        assert posted(ports, SUSPENSE, Side.CREDIT) == 12_00


def a_statement(path: Path, *amounts: tuple[int, str], on: date) -> Path:
    balance, lines = 0, []
    for entry, (minor, reference) in enumerate(amounts, 1):
        balance += minor
        lines.append(
            {
                "line_id": f"{entry:04}", "account": "main", "statement": 1, "amount_minor": minor,
                "balance_minor": balance, "currency": "GBP", "booked_on": on, "value_on": on,
                "reference": reference, "counterparty": "A SHOPPER",
            }
        )  # fmt: skip
    write_controlled(path, STATEMENT, lines)
    return path
