"""Charge-backs and late claims: the plan books them, the attempt follows, and files show the money."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pytest

from lending.plan.event import CashBack, Route
from lending.plan.plan import Plan
from payments.collection.attempt import AttemptState
from payments.disputes.dispute import DisputeNotice, DisputeStage, NoticeRefused, NoticeTaken
from payments.files.control_file import write_controlled
from payments.wiring import Adapters
from simulation.provider import SettlementRow
from tests.payments.acts import take_notice
from tests.payments.outside import CLEARING, Outside, at, evening, pay_capital_in, reconciled
from tests.payments.plans import an_open_plan, first_due, posted, pounds, the_adapters

CASE = "cb-1"
OPEN_CLAIM = "dispute:sandbox:receivable"


def a_settled_payment(ports: Adapters, outside: Outside) -> tuple[Plan, str, date]:
    """A plan whose first instalment is in our bank; the attempt, and the day after."""
    plan = an_open_plan(ports)
    due = first_due(plan)
    pay_capital_in(ports, due)
    for days in (0, 1):
        evening(ports, outside, due + timedelta(days=days))
    return plan, f"{plan.instalments[0].instalment_id}#1", due + timedelta(days=1)


def notice(stage: DisputeStage, attempt_id: str, day: date, **other: object) -> DisputeNotice:
    given = {"route": Route.CARD, **other}
    return DisputeNotice(CASE, stage, attempt_id, told_on=day, **given)  # type: ignore[arg-type]


def taken(ports: Adapters, told: DisputeNotice) -> NoticeTaken:
    answer = take_notice(told, ports=ports, at=at(told.told_on))
    assert isinstance(answer, NoticeTaken)
    return answer


def state_of(ports: Adapters, attempt_id: str) -> AttemptState:
    found = ports.attempts.get(attempt_id)
    assert found is not None
    return found.state


def a_settlement(folder: Path, day: date, kind: str, attempt_id: str, minor: int) -> Path:
    """A provider's file with one movement of a case, and another shopper's payment, so that the payout is positive."""
    payout, other = f"po-x-{kind}", 500_00
    row = SettlementRow(f"{payout}/1", kind, attempt_id, "re", minor, "GBP", day.isoformat(), payout, CASE)
    paid = SettlementRow(f"{payout}/2", "capture", "p-y/1#1", "re", other, "GBP", day.isoformat(), payout, "")
    total = SettlementRow(f"{payout}/3", "payout", "", "re", -other - minor, "GBP", day.isoformat(), payout, "")
    file = folder / f"{kind}.csv"
    write_controlled(file, tuple(SettlementRow.__dataclass_fields__), [asdict(row), asdict(paid), asdict(total)])
    return file


def test_a_lost_charge_back_makes_the_debt_live_again_and_nets_out_of_a_payout(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, {"s-1": ("pays", 1)})
    with the_adapters(database_url, outside.provider) as ports:
        plan, attempt_id, day = a_settled_payment(ports, outside)
        amount = plan.instalments[0].amount
        owed = posted(ports, f"plan:{plan.plan_id}:principal")

        opened = taken(ports, notice(DisputeStage.OPENED, attempt_id, day, fee=pounds(15_00)))
        again = taken(ports, notice(DisputeStage.OPENED, attempt_id, day, fee=pounds(15_00)))
        assert (opened.new, again.new, opened.entries[-1]) == (True, False, f"F26a:{CASE}")
        assert (state_of(ports, attempt_id), posted(ports, OPEN_CLAIM)) == (AttemptState.DISPUTED, amount.minor)
        assert posted(ports, f"plan:{plan.plan_id}:principal") == owed, "unchanged while it is open"

        lost = taken(ports, notice(DisputeStage.LOST, attempt_id, day + timedelta(days=9)))
        assert f"F26c:{CASE}" in lost.entries
        assert (state_of(ports, attempt_id), posted(ports, OPEN_CLAIM)) == (AttemptState.LOST, 0)
        assert posted(ports, f"plan:{plan.plan_id}:principal") == owed + plan.instalments[0].principal.minor

        file = a_settlement(tmp_path, day, "chargeback", attempt_id, -(amount.minor + 15_00))
        report = reconciled(ports, [file], day)
        assert (report.matched_by_id, report.unmatched) == (2, 1), "only the payment that is not ours is left"
        assert posted(ports, CLEARING) == -(amount.minor + 15_00), "until a payout of the provider is short of it"
        assert ports.ledger.trial_balance().balanced


def test_a_charge_back_that_we_won_leaves_everything_as_it_was(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {"s-1": ("pays", 1)})
    with the_adapters(database_url, outside.provider) as ports:
        plan, attempt_id, day = a_settled_payment(ports, outside)
        before = posted(ports, f"plan:{plan.plan_id}:principal")

        taken(ports, notice(DisputeStage.OPENED, attempt_id, day))
        taken(ports, notice(DisputeStage.WON, attempt_id, day))

        assert state_of(ports, attempt_id) is AttemptState.SETTLED
        assert (posted(ports, OPEN_CLAIM), posted(ports, CLEARING)) == (0, 0)
        assert posted(ports, f"plan:{plan.plan_id}:principal") == before


@pytest.mark.parametrize("told_first", [True, False], ids=["the notice first", "the bank first"])
def test_the_cash_of_a_late_claim_is_found_on_the_statement_whoever_speaks_first(
    told_first: bool, database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, {"s-1": ("pays", 1)})
    with the_adapters(database_url, outside.provider) as ports:
        plan, attempt_id, day = a_settled_payment(ports, outside)
        amount = plan.instalments[0].amount.minor
        statement = tmp_path / "statement.csv"
        last = ports.reconciliation.statements.last("main", "GBP")
        number, closing = (0, 0) if last is None else (last.number, last.closing_minor)
        header = (
            "line_id,account,statement,amount_minor,balance_minor,currency,booked_on,value_on,reference,counterparty"
        )
        line = f"main/x,main,{number + 1},{-amount},{closing - amount},GBP,{day},{day},{CASE},s-1"
        statement.write_text(f"{header}\n{line}\n#control,1,{amount}\n")
        told = notice(DisputeStage.OPENED, attempt_id, day, route=Route.DIRECT_DEBIT, cash_back=CashBack.BANK)

        if told_first:
            taken(ports, told)
            reconciled(ports, [statement], day)
        else:
            reconciled(ports, [statement], day)
            assert posted(ports, "suspense:debits") == amount
            taken(ports, told)
            reconciled(ports, [], day)

        assert posted(ports, "suspense:debits") == 0
        assert posted(ports, "bank:main") == closing - amount
        groups = {group.account for group in ports.ledger.open_groups(day)}
        assert groups == {OPEN_CLAIM}, "only the case itself is open"


def test_a_notice_of_a_payment_that_we_do_not_know_changes_nothing(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        answer = take_notice(
            notice(DisputeStage.OPENED, "p-x/1#1", date(2026, 3, 3)), ports=ports, at=at(date(2026, 3, 3))
        )
    assert answer == NoticeRefused(CASE, ("there is no attempt p-x/1#1",))


def test_a_case_is_not_won_before_it_is_opened(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {"s-1": ("pays", 1)})
    with the_adapters(database_url, outside.provider) as ports:
        _, attempt_id, day = a_settled_payment(ports, outside)

        answer = take_notice(notice(DisputeStage.WON, attempt_id, day), ports=ports, at=at(day))

        assert isinstance(answer, NoticeRefused)
        assert state_of(ports, attempt_id) is AttemptState.SETTLED
