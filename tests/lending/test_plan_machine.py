"""Random events in random order, many of them backdated: the model, the plan in memory and in PostgreSQL stand alike.

What the books hold after every step is what a fold from scratch says, whatever was reversed
and posted again on the way. `make soak` runs it for longer.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger.money import Currency, Money
from lending.plan.event import (
    Body,
    ChargedOff,
    FeeCharged,
    FeeWaived,
    Goodwill,
    Paid,
    PaymentChannel,
    PlanEvent,
    Refunded,
    Returned,
    Reversed,
)
from lending.plan.plan import Plan
from lending.servicing.record_events import EventRecorded, EventRefused
from tests.lending.courses import day
from tests.lending.plan_model import PURCHASE, Happening, Standing, fold
from tests.lending.plans import a_plan, pounds
from tests.lending.servicing.servicing import Desk
from tests.soak import examples

EXAMPLES = examples(usual=25, soaked=120)
STEPS = 30

amounts = st.sampled_from([1, 5_00, 7_00, 15_00, 30_00, 37_00, 60_00, 90_00, 120_00])
days = st.sampled_from([0, 1, 29, 30, 33, 34, 35, 60, 64, 90])
dues = st.sampled_from([None, 0, 1, 2])


def units(minor: int) -> Money:
    return Money(minor, Currency.GBP)


class Plans(RuleBasedStateMachine):
    """Every event goes to the model and to both desks; each must take it or refuse it alike."""

    connection: ClassVar[psycopg.Connection[Any]]
    taken: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.desks = (Desk.in_memory(), Desk.over(self.connection))
        self.events: list[Happening] = []
        self.asked = 0
        self.through = 0

    @initialize()
    def open(self) -> None:
        self.plan: Plan = a_plan("90.00", merchant_discount=pounds("4.50"))
        for desk in self.desks:
            desk.open(self.plan)

    def teardown(self) -> None:
        self.connection.rollback()

    def happen(self, kind: str, number: int, body: Body, **facts: Any) -> None:
        """Something happens on a day by its number, and becomes known now."""
        Plans.taken += 1
        self.asked += 1
        event_id = f"e-{self.asked:03}"
        at = datetime.combine(day(number), time(12), UTC)
        known = datetime.combine(day(max(self.through, number)), time(18), UTC) + timedelta(seconds=self.asked)
        event = PlanEvent(event_id, self.plan.plan_id, day(number), at, known, event_id, body)
        happening = Happening(event_id, number, kind, **facts)
        through = max(self.through, number)
        refused = fold(self.events, through).refuses(happening)
        for desk in self.desks:
            [answer] = desk.record(event)
            assert isinstance(answer, EventRefused if refused else EventRecorded), answer
        if not refused:
            self.events.append(happening)
            self.through = through

    @property
    def now(self) -> Standing:
        return fold(self.events, self.through)

    @rule(number=days, amount=amounts, due=dues)
    def pay(self, number: int, amount: int, due: int | None) -> None:
        instalment_id = None if due is None else f"{self.plan.plan_id}/{due}"
        payment_id = f"a-{self.asked}"
        body = Paid(units(amount), PaymentChannel.ATTEMPT, payment_id, "bureau", "bacs", instalment_id)
        self.happen("paid", number, body, amount=amount, due=due)

    @rule(number=days)
    def pay_what_is_open(self, number: int) -> None:
        amount = self.now.principal + self.now.fees
        if amount:
            body = Paid(units(amount), PaymentChannel.ATTEMPT, f"a-{self.asked}", "bureau", "bacs")
            self.happen("paid", number, body, amount=amount)

    @precondition(lambda self: any(event.kind == "paid" for event in self.events))
    @rule(number=days, data=st.data())
    def bounce(self, number: int, data: st.DataObject) -> None:
        payment = data.draw(st.sampled_from([event.event_id for event in self.events if event.kind == "paid"]))
        self.happen("returned", number, Returned(payment, f"r-{self.asked}"), of=payment)

    @rule(number=days, amount=amounts)
    def refund(self, number: int, amount: int) -> None:
        self.happen("refunded", number, Refunded(f"r-{self.asked}", units(amount)), amount=amount)

    @rule(number=days, fee=st.sampled_from(["f-1", "f-2"]), due=dues)
    def charge_fee(self, number: int, fee: str, due: int | None) -> None:
        instalment_id = None if due is None else f"{self.plan.plan_id}/{due}"
        body = FeeCharged(fee, units(5_00), instalment_id=instalment_id)
        self.happen("fee_charged", number, body, amount=5_00, of=fee, due=due)

    @precondition(lambda self: all(event.kind != "charged_off" for event in self.events))  # the model has no fees then
    @rule(number=days, fee=st.sampled_from(["f-1", "f-2", "late/1", "late/2"]))
    def waive_fee(self, number: int, fee: str) -> None:
        kind, _, place = fee.partition("/")
        fee_id = f"{self.plan.plan_id}/{place}/late" if kind == "late" else fee
        self.happen("fee_waived", number, FeeWaived(fee_id), of=fee)

    @rule(number=days, amount=st.sampled_from([1, 5_00, 40_00]))
    def give(self, number: int, amount: int) -> None:
        self.happen("goodwill", number, Goodwill(units(amount)), amount=amount)

    @rule(number=st.sampled_from([60, 90]), often=st.integers(0, 3))
    def charge_off(self, number: int, often: int) -> None:
        waived_later = any(event.kind == "fee_waived" and event.day >= number for event in self.events)
        if often == 0 and not waived_later:
            self.happen("charged_off", number, ChargedOff())

    @precondition(lambda self: bool(self.events))
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(self.events))
        self.happen("reversed", event.day, Reversed(event.event_id), of=event.event_id)

    @invariant()
    def the_books_hold_what_a_fold_from_scratch_says(self) -> None:
        plan = self.now
        expected = {
            f"plan:{self.plan.plan_id}:principal": plan.principal,
            f"plan:{self.plan.plan_id}:fee_rcv": plan.fees,
            "shopper:s-1:credit_balance": -plan.credit,
            "shopper:s-1:refund_payable": -plan.payable,
            "memo:charged_off": plan.owed_off_books or 0,
        }
        for desk in self.desks:
            balances = desk.balances()
            assert {account: balances.get((account, Currency.GBP), 0) for account in expected} == expected
            assert sum(balances.values()) == 0

    @invariant()
    def nothing_is_below_zero_and_the_purchase_bounds_refunds(self) -> None:
        plan = self.now
        assert min(plan.principal, plan.fees, plan.credit, plan.payable, plan.owed_off_books or 0) >= 0
        assert plan.refunded <= PURCHASE

    @invariant()
    def where_it_stands_is_what_is_left_of_each_due(self) -> None:
        """Principal and fees of the rows that collection reads are those of the model."""
        for desk in self.desks:
            standing = desk.standing(self.plan)
            assert standing.principal.minor == self.now.principal
            assert standing.fees.minor == self.now.fees

    @invariant()
    def what_was_told_of_each_due_adds_up_to_what_is_open_of_it(self) -> None:
        """Whoever follows the facts knows what is open, without a fold of their own."""
        assert self.connection.execute(TOLD_OTHERWISE).fetchall() == []


# Dues whose facts, summed up or the last of them, say something else than the rows that collection reads.
TOLD_OTHERWISE = """
WITH told AS (
    SELECT DISTINCT ON (id) o.payload ->> 'instalment_id' AS id, (o.payload ->> 'open_minor')::bigint AS open_minor,
           o.payload ->> 'due_on' AS due_on, (o.payload ->> 'amount_minor')::bigint AS amount_minor,
           sum((o.payload ->> 'open_change_minor')::bigint) OVER (PARTITION BY o.payload ->> 'instalment_id') AS summed
      FROM ledger.outbox o WHERE o.event_type = 'instalment_changed.v1'
     ORDER BY id, o.position DESC
), kept AS (
    SELECT instalment_id AS id, open_principal_minor + open_interest_minor + open_fees_minor AS open_minor,
           due_on::text AS due_on, principal_minor + interest_minor AS amount_minor
      FROM lending.instalment_standing
)
SELECT * FROM told FULL JOIN kept USING (id)
 WHERE (told.open_minor, told.summed, told.due_on, told.amount_minor)
       IS DISTINCT FROM (kept.open_minor, kept.open_minor, kept.due_on, kept.amount_minor)
   AND NOT (kept.id IS NULL AND told.open_minor = 0 AND told.summed = 0)
"""


@pytest.mark.slow
def test_a_plan_stands_as_the_model_says_whatever_happens_in_whatever_order(
    connection: psycopg.Connection[Any],
) -> None:
    Plans.connection = connection
    run_state_machine_as_test(
        Plans,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
