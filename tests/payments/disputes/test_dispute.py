"""Charge-backs and late claims: the plan books them, the attempt follows, and files show the money."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pytest

from lending.plan.event import CashBack, Route
from lending.plan.plan import Plan
from payments.collection.attempt import State
from payments.disputes.dispute import DisputeNotice, NoticeRefused, NoticeTaken, Stage, take_notice
from payments.files.control_file import write_controlled
from payments.till import Till
from simulation.provider import SettlementRow
from tests.payments.outside import CLEARING, Outside, at, evening, pay_capital_in, reconciled
from tests.payments.plans import a_till, an_open_plan, first_due, posted, pounds

CASE = "cb-1"
OPEN_CLAIM = "dispute:sandbox:receivable"


def a_settled_payment(till: Till, outside: Outside) -> tuple[Plan, str, date]:
    """A plan whose first instalment is in our bank; the attempt, and the day after."""
    plan = an_open_plan(till)
    due = first_due(plan)
    pay_capital_in(till, due)
    for days in (0, 1):
        evening(till, outside, due + timedelta(days=days))
    return plan, f"{plan.instalments[0].instalment_id}#1", due + timedelta(days=1)


def notice(stage: Stage, attempt_id: str, day: date, **other: object) -> DisputeNotice:
    given = {"route": Route.CARD, **other}
    return DisputeNotice(CASE, stage, attempt_id, told_on=day, **given)  # type: ignore[arg-type]


def taken(till: Till, told: DisputeNotice) -> NoticeTaken:
    answer = take_notice(told, till=till, at=at(told.told_on))
    assert isinstance(answer, NoticeTaken)
    return answer


def state_of(till: Till, attempt_id: str) -> State:
    found = till.attempts.get(attempt_id)
    assert found is not None
    return found.state


def a_settlement(folder: Path, day: date, kind: str, attempt_id: str, minor: int) -> Path:
    """A provider's file with one movement of a case, and a payment of somebody else's that makes it a payout."""
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
    with a_till(database_url, outside.provider) as till:
        plan, attempt_id, day = a_settled_payment(till, outside)
        amount = plan.instalments[0].amount
        owed = posted(till, f"plan:{plan.plan_id}:principal")

        opened = taken(till, notice(Stage.OPENED, attempt_id, day, fee=pounds(15_00)))
        again = taken(till, notice(Stage.OPENED, attempt_id, day, fee=pounds(15_00)))
        assert (opened.new, again.new, opened.entries[-1]) == (True, False, f"F26a:{CASE}")
        assert (state_of(till, attempt_id), posted(till, OPEN_CLAIM)) == (State.DISPUTED, amount.minor)
        assert posted(till, f"plan:{plan.plan_id}:principal") == owed, "unchanged while it is open"

        lost = taken(till, notice(Stage.LOST, attempt_id, day + timedelta(days=9)))
        assert f"F26c:{CASE}" in lost.entries
        assert (state_of(till, attempt_id), posted(till, OPEN_CLAIM)) == (State.LOST, 0)
        assert posted(till, f"plan:{plan.plan_id}:principal") == owed + plan.instalments[0].principal.minor

        file = a_settlement(tmp_path, day, "chargeback", attempt_id, -(amount.minor + 15_00))
        report = reconciled(till, [file], day)
        assert (report.matched_by_id, report.unmatched) == (2, 1), "only the payment that is not ours is left"
        assert posted(till, CLEARING) == -(amount.minor + 15_00), "until a payout of the provider is short of it"
        assert till.ledger.trial_balance().balanced


def test_a_charge_back_that_we_won_leaves_everything_as_it_was(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {"s-1": ("pays", 1)})
    with a_till(database_url, outside.provider) as till:
        plan, attempt_id, day = a_settled_payment(till, outside)
        before = posted(till, f"plan:{plan.plan_id}:principal")

        taken(till, notice(Stage.OPENED, attempt_id, day))
        taken(till, notice(Stage.WON, attempt_id, day))

        assert state_of(till, attempt_id) is State.SETTLED
        assert (posted(till, OPEN_CLAIM), posted(till, CLEARING)) == (0, 0)
        assert posted(till, f"plan:{plan.plan_id}:principal") == before


@pytest.mark.parametrize("told_first", [True, False], ids=["the notice first", "the bank first"])
def test_the_cash_of_a_late_claim_is_found_on_the_statement_whoever_speaks_first(
    told_first: bool, database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, {"s-1": ("pays", 1)})
    with a_till(database_url, outside.provider) as till:
        plan, attempt_id, day = a_settled_payment(till, outside)
        amount = plan.instalments[0].amount.minor
        statement = tmp_path / "statement.csv"
        number, closing = till.expectations.last_statement("main", "GBP") or (0, 0)
        header = (
            "line_id,account,statement,amount_minor,balance_minor,currency,booked_on,value_on,reference,counterparty"
        )
        line = f"main/x,main,{number + 1},{-amount},{closing - amount},GBP,{day},{day},{CASE},s-1"
        statement.write_text(f"{header}\n{line}\n#control,1,{amount}\n")
        told = notice(Stage.OPENED, attempt_id, day, route=Route.DIRECT_DEBIT, cash_back=CashBack.BANK)

        if told_first:
            taken(till, told)
            reconciled(till, [statement], day)
        else:
            reconciled(till, [statement], day)
            assert posted(till, "suspense:debits") == amount
            taken(till, told)
            reconciled(till, [], day)

        assert posted(till, "suspense:debits") == 0
        assert posted(till, "bank:main") == closing - amount
        groups = {group.account for group in till.ledger.open_groups(day)}
        assert groups == {OPEN_CLAIM}, "only the case itself is open"


def test_a_notice_of_a_payment_that_we_do_not_know_changes_nothing(database_url: str) -> None:
    with a_till(database_url) as till:
        answer = take_notice(notice(Stage.OPENED, "p-x/1#1", date(2026, 3, 3)), till=till, at=at(date(2026, 3, 3)))
    assert answer == NoticeRefused(CASE, ("there is no attempt p-x/1#1",))


def test_a_case_is_not_won_before_it_is_opened(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {"s-1": ("pays", 1)})
    with a_till(database_url, outside.provider) as till:
        _, attempt_id, day = a_settled_payment(till, outside)

        answer = take_notice(notice(Stage.WON, attempt_id, day), till=till, at=at(day))

        assert isinstance(answer, NoticeRefused)
        assert state_of(till, attempt_id) is State.SETTLED
