"""While a payment of a plan is missing, doubtful or disputed, no refund of the plan is paid out; then it is, once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from ledger.money import Money
from lending.plan.event import Route
from lending.plan.plan import Plan
from lending.plan.when import When
from payments.break_class import BreakClass
from payments.breaks import break_of_unit
from payments.collection.opening import must_hold
from payments.disputes.dispute import DisputeNotice, DisputeStage, NoticeTaken
from payments.expectation import Expected, Leg
from payments.expectation_key import DueKey
from payments.files.line import FileLine
from payments.ids import AttemptId, CaseId
from payments.line_key import LineKind
from payments.provider.simulated import SimulatedProvider
from payments.reconciliation.bookings import unidentified_credit
from payments.reconciliation.events import pushed
from payments.refunds.pay_refunds import PayRefundsReport
from payments.refunds.refund import RefundTaken
from payments.wiring import Adapters
from tests.payments.acts import pay_refunds, record_on_plan, refund, take_notice
from tests.payments.outside import at, collected, reconciled
from tests.payments.plans import an_open_plan, first_due, the_adapters


@dataclass(frozen=True, slots=True)
class Owed:
    """A refund that is owed on a plan whose first due was collected and whose rest came by transfer."""

    ports: Adapters
    provider: SimulatedProvider
    plan: Plan
    due: date

    @property
    def attempt_id(self) -> AttemptId:
        return AttemptId(f"{self.plan.instalments[0].instalment_id}#1")

    def told(self, stage: DisputeStage) -> None:
        part = Money(1_00, self.plan.currency)  # a claim of all would take back what the refund is owed from
        notice = DisputeNotice(CaseId("cb-1"), stage, self.attempt_id, Route.CARD, self.due, amount=part)
        assert isinstance(take_notice(notice, ports=self.ports, at=at(self.due, 22)), NoticeTaken)

    def broken(self, break_id: str, broken: BreakClass) -> None:
        with self.ports.transaction():
            found = break_of_unit(break_id, broken, "as the test says", self.due, self.ports.profile)
            self.ports.reconciliation.raise_breaks([found])

    def settled(self, break_id: str) -> None:
        with self.ports.transaction():
            self.ports.reconciliation.close_break(break_id, self.due, "a person")

    def paid(self, outbox: Path, days: int = 10) -> PayRefundsReport:
        on = self.due + timedelta(days=days)
        return pay_refunds(on, ports=self.ports, outbox=outbox, at=at(on))


def owed(ports: Adapters, provider: SimulatedProvider) -> Owed:
    plan = an_open_plan(ports)
    due = first_due(plan)
    collected(ports, due)
    rest = Money.total((each.amount for each in plan.instalments[1:]), plan.currency)
    line = FileLine("l-1", LineKind.REPAYMENT, rest, due, due)
    expected = Expected(
        DueKey(plan.instalments[1].instalment_id), Leg.LEDGER_BANK, rest, due, due, "test", plan_id=plan.plan_id
    )
    with ports.transaction():
        credit = unidentified_credit(line.line_id, "main", rest, When.day(due))
        must_hold(ports.ledger.post(credit), credit.entry_id)
        record_on_plan(ports, [pushed(line, expected, When.day(due))])
    granted = refund(plan.plan_id, "r-1", Money(10_00, plan.currency), ports=ports, at=at(due, 20))
    assert isinstance(granted, RefundTaken)
    assert granted.to_shopper.minor > 0
    return Owed(ports, provider, plan, due)


def missing(found: Owed) -> None:
    """E3: the provider's file never shows the capture."""
    report = reconciled(found.ports, [], found.due + timedelta(days=9))
    assert report.breaks == {"E3": 1}


TROUBLES: dict[str, tuple[Callable[[Owed], None], Callable[[Owed], None]]] = {
    "case": (lambda it: it.told(DisputeStage.OPENED), lambda it: it.told(DisputeStage.WON)),
    "missing": (missing, lambda it: it.settled(f"expectation:capture:{it.attempt_id}")),
    "other amount": (
        lambda it: it.broken(f"captured:{it.attempt_id}", BreakClass.AMOUNT_DIFFERS),
        lambda it: it.settled(f"captured:{it.attempt_id}"),
    ),
    "not booked": (
        lambda it: it.broken(f"attempt:{it.attempt_id}", BreakClass.STATUS_CONFLICT),
        lambda it: it.settled(f"attempt:{it.attempt_id}"),
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_refund_waits_for_the_trouble_of_its_plan_and_is_paid_when_that_is_over(
    database_url: str, tmp_path: Path, trouble: str
) -> None:
    begins, ends = TROUBLES[trouble]
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        found = owed(ports, provider)
        begins(found)
        held = found.paid(tmp_path)
        asked = [key for key in provider.requests if key.startswith("r-")]
        ends(found)
        after, again = found.paid(tmp_path), found.paid(tmp_path, days=11)

        assert (held.owed, held.paid, held.by_bank, held.waiting, held.failed) == (1, 0, 0, 1, 0)
        assert asked == []
        assert (after.paid, after.waiting, again.owed) == (1, 0, 0)
        assert [key for key in provider.requests if key.startswith("r-")] == ["r-1#1"]


def test_trouble_of_another_plan_or_of_another_kind_holds_no_refund_back(database_url: str, tmp_path: Path) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        found = owed(ports, provider)
        other = an_open_plan(ports, 2)
        found.broken(f"attempt:{other.instalments[0].instalment_id}#1", BreakClass.STATUS_CONFLICT)
        found.broken(f"attempt:{found.attempt_id}", BreakClass.RETURNED)

        report = found.paid(tmp_path)

        assert (report.paid, report.waiting) == (1, 0)
