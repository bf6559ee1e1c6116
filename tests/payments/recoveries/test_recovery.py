"""What a collection agency passes on rests on suspense until its file says of which plan it is."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from data_contracts.files import FileFault
from ledger.account import Side
from lending.plan.event import ChargedOff
from lending.plan.plan import Plan
from lending.plan.when import When
from payments.files.control_file import FileContent, write_controlled
from payments.plan_events import event_of
from payments.recoveries.postgres import PostgresSuspendedCredits
from payments.recoveries.recovery import RecoveryNotice, RecoveryRefused, RecoveryTaken, take_recovery
from payments.recoveries.recovery_file import COLUMNS, read_recoveries
from payments.wiring import Adapters
from simulation.bank import OURS, BankMovement
from tests.payments.acts import record_on_plan
from tests.payments.outside import Outside, at, pay_capital_in, reconciled
from tests.payments.plans import an_open_plan, open_items, posted, pounds, rows, the_adapters

DAY = date(2026, 3, 20)
SUSPENSE = "suspense:unapplied"


def a_charged_off_plan(ports: Adapters) -> Plan:
    plan = an_open_plan(ports)
    event = event_of("charged-off", plan.plan_id, "a test", When.day(DAY - timedelta(days=5)), ChargedOff())
    with ports.transaction():
        record_on_plan(ports, [event])
    return plan


def an_agency_pays(ports: Adapters, outside: Outside, minor: int = 40_00) -> None:
    pay_capital_in(ports, DAY - timedelta(days=10))
    outside.bank.move(BankMovement("t-1", OURS, minor, "GBP", DAY, "case-77", "an agency"))
    reconciled(ports, outside.end(DAY), DAY)


def notice(plan_id: str, minor: int = 40_00, commission: int = 8_00) -> RecoveryNotice:
    return RecoveryNotice("r-1", plan_id, "case-77", pounds(minor), pounds(commission), DAY + timedelta(days=2))


def taken(ports: Adapters, told: RecoveryNotice) -> RecoveryTaken | RecoveryRefused:
    return take_recovery(
        told,
        suspended=PostgresSuspendedCredits(ports.database),
        breaks=ports.reconciliation,
        plans=ports.plans,
        ledger=ports.ledger,
        terms=ports.terms,
        transaction=ports.transaction,
        at=at(told.told_on),
    )


def test_the_notice_takes_the_money_off_suspense_once_and_closes_the_break(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {})
    with the_adapters(database_url) as ports:
        plan = a_charged_off_plan(ports)
        an_agency_pays(ports, outside)
        before = posted(ports, SUSPENSE, Side.CREDIT)

        first, again = taken(ports, notice(plan.plan_id)), taken(ports, notice(plan.plan_id))

        assert isinstance(first, RecoveryTaken)
        assert isinstance(again, RecoveryTaken)
        assert (before, posted(ports, SUSPENSE, Side.CREDIT)) == (40_00, 0)
        assert (first.new, again.new, again.entries) == (True, False, ())
        assert posted(ports, "inc:recovery", Side.CREDIT) == 40_00
        assert posted(ports, "agency:payable", Side.CREDIT) == posted(ports, "exp:collection") == 8_00
        assert rows(ports, "SELECT class, closed_by FROM payments.breaks") == [("E4", "recovered:r-1")]
        assert open_items(database_url, ports).faults == ()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        pytest.param({"minor": 39_00}, "credited 40.00 GBP under case-77", id="another amount"),
        pytest.param({"plan_id": "p-none"}, "no plan p-none", id="no plan"),
    ],
)
def test_a_notice_that_does_not_fit_changes_nothing(
    database_url: str, tmp_path: Path, told: dict[str, object], said: str
) -> None:
    outside = Outside(tmp_path, {})
    with the_adapters(database_url) as ports:
        plan = a_charged_off_plan(ports)
        an_agency_pays(ports, outside)

        answer = taken(ports, notice(**{"plan_id": plan.plan_id, **told}))  # type: ignore[arg-type]

        assert isinstance(answer, RecoveryRefused)
        assert said in str(answer.reasons)
        assert posted(ports, SUSPENSE, Side.CREDIT) == 40_00


def test_money_for_a_plan_that_is_not_charged_off_stays_on_suspense(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {})
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports)
        an_agency_pays(ports, outside)

        answer = taken(ports, notice(plan.plan_id))

        assert isinstance(answer, RecoveryRefused)
        assert "NOT_IN_THIS_STATUS" in str(answer.reasons)
        assert posted(ports, SUSPENSE, Side.CREDIT) == 40_00


def test_an_id_that_came_earlier_with_another_plan_or_amount_is_refused(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {})
    with the_adapters(database_url) as ports:
        plan = a_charged_off_plan(ports)
        an_agency_pays(ports, outside)
        taken(ports, notice(plan.plan_id))

        answer = taken(ports, notice(plan.plan_id, commission=9_00))

        assert isinstance(answer, RecoveryRefused)
        assert posted(ports, "agency:payable", Side.CREDIT) == 8_00


@pytest.mark.parametrize(
    ("wrong", "column"),
    [
        ({"amount_minor": "0"}, "amount_minor"),
        ({"commission_minor": "5000"}, "commission_minor"),
        ({"currency": "XXX"}, "currency"),
        ({"plan_id": ""}, "plan_id"),
    ],
)
def test_a_bad_row_of_the_agencys_file_is_named(tmp_path: Path, wrong: dict[str, str], column: str) -> None:
    row = {
        "recovery_id": "r-1",
        "plan_id": "p-1",
        "reference": "case-77",
        "amount_minor": "4000",
        "commission_minor": "",
        "currency": "GBP",
        "told_on": DAY.isoformat(),
    }
    file = tmp_path / "recoveries.csv"
    write_controlled(file, COLUMNS, [row])
    assert [each.commission for each in read_recoveries(FileContent.of(file, latest=DAY))] == [None]

    write_controlled(file, COLUMNS, [row | wrong])

    with pytest.raises(FileFault, match=column):
        read_recoveries(FileContent.of(file, latest=DAY))
