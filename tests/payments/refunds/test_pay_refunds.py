"""Refunds on their way to shoppers: by the provider, else by bank, and never twice."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.account import Side
from ledger.money import Money
from lending.plan.when import When
from payments.collection.opening import must_hold
from payments.expectation import Expected
from payments.expectation_key import DueKey
from payments.files.line import FileLine
from payments.line_key import LineKind
from payments.provider.charge import ChargeRefusalCode, ChargeRefused, RefundRequest, Unknown
from payments.provider.simulated import SimulatedProvider
from payments.reconciliation.bookings import unidentified_credit
from payments.reconciliation.events import pushed
from payments.refunds.pay_refunds import PayRefundsReport
from payments.refunds.postgres import IllegalRefundMove
from payments.refunds.refund import RefundTaken
from payments.refunds.refund_payment import MOVES, RefundPaymentEvent, RefundPaymentState
from payments.wiring import Adapters
from tests.payments.acts import pay_refunds, record_on_plan, refund
from tests.payments.outside import CLEARING, Outside, at, evening, pay_capital_in, reconciled
from tests.payments.plans import an_open_plan, first_due, posted, pounds, rows, the_adapters
from tests.payments.reconciliation.test_units import movements

DAY = date(2026, 3, 3)
OWED = "shopper:s-1:refund_payable"


def refused(request: RefundRequest) -> ChargeRefused:
    return ChargeRefused(request.payment_id, ChargeRefusalCode.ACCOUNT_CLOSED, "closed")


def owe(ports: Adapters, *, on: date = DAY) -> int:
    """A refund that was granted: all was paid, and a part of the goods went back; what is owed."""
    plan = an_open_plan(ports)
    whole = Money.total((each.amount for each in plan.instalments), plan.currency)
    when, line = When.day(on), FileLine("l-1", LineKind.REPAYMENT, whole, on, on)
    expected = Expected(DueKey("p/1"), 4, whole, on, on, "test", plan_id=plan.plan_id)
    with ports.transaction():
        credit = unidentified_credit(line.line_id, "main", whole, when)
        must_hold(ports.ledger.post(credit), credit.entry_id)
        record_on_plan(ports, [pushed(line, expected, when)])
    granted = refund(plan.plan_id, "r-1", Money(10_00, plan.currency), ports=ports, at=at(on, 19))
    assert isinstance(granted, RefundTaken)
    return granted.to_shopper.minor


def paid(ports: Adapters, outbox: Path, on: date = DAY) -> PayRefundsReport:
    return pay_refunds(on, ports=ports, outbox=outbox, at=at(on, 20))


def test_a_refund_goes_out_by_the_provider_once(database_url: str, tmp_path: Path) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        granted = owe(ports)

        first, again = paid(ports, tmp_path), paid(ports, tmp_path)

        assert (first.owed, first.paid, first.paid_minor, first.files) == (1, 1, {"GBP": granted}, ())
        assert (again.owed, again.paid) == (0, 0)
        assert provider.requests == ["r-1#1"]
        assert posted(ports, OWED, Side.CREDIT) == 0


def test_what_the_provider_refuses_goes_by_bank_and_is_paid_when_the_statement_shows_it(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, {})
    with the_adapters(database_url, SimulatedProvider(refunding=refused)) as ports:
        pay_capital_in(ports, DAY)
        granted = owe(ports)

        sent = paid(ports, outside.outbox)
        assert (sent.paid, sent.refused, sent.by_bank, sent.files) == (0, 1, 1, (f"refunds-{DAY}-1.csv",))
        assert posted(ports, OWED, Side.CREDIT) == granted
        report = evening(ports, outside, DAY)

        assert (report.matched_by_id, report.unmatched) == (1, 0)
        assert posted(ports, OWED, Side.CREDIT) == 0
        assert ports.ledger.open_groups(DAY) == ()
        assert paid(ports, outside.outbox, DAY + timedelta(days=1)).owed == 0


def test_a_refund_that_the_bank_brings_back_is_sent_again(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {})
    outside.bank.close_account("a-1")
    with the_adapters(database_url, SimulatedProvider(refunding=refused)) as ports:
        pay_capital_in(ports, DAY)
        granted = owe(ports)
        paid(ports, outside.outbox)

        report = evening(ports, outside, DAY)

        # The transfer that `owe` books is on no statement, which is E26.
        assert (report.matched_by_id, report.unmatched, report.breaks) == (2, 0, {"E16": 1, "E26": 1})
        assert posted(ports, OWED, Side.CREDIT) == granted
        again = paid(ports, outside.outbox, DAY + timedelta(days=1))
        assert (again.owed, again.by_bank) == (1, 1)
        states = rows(ports, "SELECT payment_id, state FROM payments.refund_payments ORDER BY number")
        assert states == [("r-1#1", "refused"), ("r-1#2", "failed"), ("r-1#3", "submitting")]


@pytest.mark.parametrize("stage", ["claiming", "booking"])
def test_a_refund_that_cannot_be_paid_is_a_break_and_the_others_are_paid(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        owe(ports)
        plan_id = rows(ports, "SELECT plan_id FROM lending.plans")[0][0]
        for number in (2, 3):
            refund(plan_id, f"r-{number}", pounds(10_00), ports=ports, at=at(DAY, 19))
        name = "hold" if stage == "claiming" else "post_hold"
        right = getattr(type(ports.ledger), name)

        def refuses(port: object, *given: Any) -> object:
            if "r-2" in str(given):
                raise RuntimeError("the books are broken")
            return right(port, *given)

        monkeypatch.setattr(type(ports.ledger), name, refuses)
        first = paid(ports, tmp_path)
        listed = rows(ports, "SELECT break_id, class, reason FROM payments.breaks WHERE closed_on IS NULL")
        monkeypatch.undo()
        second = paid(ports, tmp_path)

        assert (first.paid, first.failed) == (2, 1)
        assert listed == [("refund:r-2", "E11", "r-2 cannot be paid: RuntimeError: the books are broken")]
        assert (second.paid, second.failed) == (1, 0)
        assert rows(ports, "SELECT count(*) FROM payments.breaks WHERE closed_on IS NULL") == [(0,)]
        assert sorted(provider.refunds) == ["r-1#1", "r-2#1", "r-3#1"]


def test_a_lost_answer_is_asked_for_and_never_sent_under_another_key(database_url: str, tmp_path: Path) -> None:
    provider = SimulatedProvider()
    answers = iter([Unknown("r-1#1", "no answer")])
    with the_adapters(database_url, provider) as ports:
        owe(ports)
        made = provider.refunding
        provider.refunding = lambda request: next(answers, made(request))

        lost = paid(ports, tmp_path)
        (unresolved,) = ports.refunds.unresolved()
        provider.refunds["r-1#1"] = made(RefundRequest("r-1#1", "s-1", unresolved.amount, DAY))
        found = paid(ports, tmp_path)

        assert (lost.unknown, lost.paid, found.paid) == (1, 0, 1)
        assert provider.requests == ["r-1#1"]
        assert posted(ports, OWED, Side.CREDIT) == 0


def test_the_providers_payout_is_short_of_the_refund_and_the_books_say_why(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {"s-1": ("pays", 1), "s-2": ("pays", 1)})
    with the_adapters(database_url, outside.provider) as ports:
        other = an_open_plan(ports, 2)
        due = first_due(other)
        pay_capital_in(ports, due)
        owe(ports, on=due)
        paid(ports, tmp_path, due)

        evening(ports, outside, due)
        report = evening(ports, outside, due + timedelta(days=1))

        # The transfer that `owe` books is on no statement, which is E26.
        assert (report.unmatched, report.breaks, report.open_expectations) == (0, {"E26": 1}, 0)
        assert posted(ports, CLEARING) == 0
        assert ports.ledger.open_groups(due + timedelta(days=1)) == ()
        assert ports.ledger.trial_balance().balanced


def test_the_move_table_is_the_databases(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        stored = rows(ports, "SELECT from_state, event, to_state FROM payments.refund_moves")
    assert {(RefundPaymentState(a), RefundPaymentEvent(b)): RefundPaymentState(c) for a, b, c in stored} == MOVES


def test_a_move_that_is_not_in_the_table_changes_nothing(database_url: str, tmp_path: Path) -> None:
    with the_adapters(database_url) as ports:
        owe(ports)
        paid(ports, tmp_path)
        with pytest.raises(IllegalRefundMove, match="r-1#1 is paid: refused cannot happen to it"):
            ports.refunds.move("r-1#1", RefundPaymentEvent.REFUSED, at=at(DAY), cause="late")


def test_a_credit_that_names_a_refund_of_the_provider_is_no_refund_that_the_bank_returns(
    database_url: str, tmp_path: Path
) -> None:
    day = DAY + timedelta(days=7)
    with the_adapters(database_url, SimulatedProvider()) as ports:
        granted = owe(ports)
        paid(ports, tmp_path)
        before = posted(ports, "bank:main")

        report = reconciled(ports, [movements(tmp_path / "b.csv", (granted, "r-1#1 AC04"))], day)

        assert report.breaks["E4"] == 1
        assert posted(ports, OWED, Side.CREDIT) == 0, "it was paid by the provider, and is not owed again"
        assert posted(ports, "suspense:unapplied", Side.CREDIT) == granted
        assert posted(ports, "bank:main") == before + granted
