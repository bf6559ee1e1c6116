"""The laws of fairness over PostgreSQL: the books hold what the fold says, and never refuse it."""

from collections.abc import Sequence
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.money import Currency, Money
from lending.plan.event import CreditRefunded, PlanEvent, RefundPaid, Reversed
from lending.plan.fold import fold
from lending.terms.servicing_terms import EarlyPayment, LateInterest, ServicingTerms
from tests.lending.courses import balance, day
from tests.lending.plan.test_laws import PAYMENTS, UNDONE, event, opened, paying, payment, undoing
from tests.lending.plans import a_plan, pounds
from tests.lending.servicing.servicing import Desk
from tests.soak import examples

Connection = psycopg.Connection[Any]
PLANS = (a_plan("1200.00", months=12, rate=1990), a_plan("90.00"))


@settings(
    max_examples=examples(usual=25, soaked=100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    plan=st.sampled_from(PLANS),
    early=st.sampled_from(EarlyPayment),
    late=st.sampled_from(LateInterest),
    others=PAYMENTS,
    it=st.tuples(st.integers(0, 100), st.integers(1, 1_500_00)),
    how=UNDONE,
    after=st.integers(0, 60),
)
def test_whatever_is_paid_and_undone_the_books_are_what_the_fold_says(  # noqa: PLR0917 - what is drawn
    connection: Connection,
    plan: Any,
    early: EarlyPayment,
    late: LateInterest,
    others: list[tuple[int, int]],
    it: tuple[int, int],
    how: str,
    after: int,
) -> None:
    with connection.transaction(force_rollback=True):
        desk = Desk(*_over(connection), ServicingTerms(early_payment=early, late_interest=late))
        desk.plans.open_all([plan])
        events = [opened(plan), *paying(plan, others), payment("x", plan, *it), *undoing(plan, how, it[0], after)]
        for each in events:
            desk.take(each)
        _the_books_hold_the_fold(desk, plan, events)


def test_credit_that_was_paid_out_is_owed_again_when_its_payment_is_reversed(connection: Connection) -> None:
    """Never refused: the shopper has the money."""
    desk = Desk.over(connection)
    plan = PLANS[1]
    desk.plans.open_all([plan])
    events = [
        opened(plan),
        payment("x", plan, 0, 110_00),
        event("back", plan, 1, CreditRefunded("r", pounds("20.00"))),
        event("arrived", plan, 2, RefundPaid("r", pounds("20.00"))),
    ]
    desk.take(*events)
    desk.take(event("undone", plan, 3, Reversed("x")))

    standing = desk.standing(plan)
    assert standing.principal == pounds("110.00")
    assert desk.balances()["shopper:s-1:refund_payable", Currency.GBP] == -20_00  # which the payment out settles


def _over(connection: Connection) -> tuple[Any, Any]:
    desk = Desk.over(connection)
    return desk.plans, desk.ledger


def _the_books_hold_the_fold(desk: Desk, plan: Any, events: Sequence[PlanEvent]) -> None:
    through = desk.plans.histories([plan.plan_id])[plan.plan_id].folded_through
    state = fold(plan, events, desk.terms, through=through)
    for account in ("plan:principal", "plan:interest_rcv", "shopper:credit_balance", "inc:interest"):
        name = account.replace("plan:", f"plan:{plan.plan_id}:").replace("shopper:", "shopper:s-1:")
        there = Money(desk.balances().get((name, Currency.GBP), 0), Currency.GBP)
        assert there == balance(state, account), account
    assert through >= day(0)
