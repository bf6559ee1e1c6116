"""Recording from a checkpoint books and stores what recording from the beginning does."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.proof.accepted import Acceptance
from ledger.proof.postgres_accepted import PostgresAcceptedDifferences
from lending.plan.event import Goodwill, PlanEvent, Returned, Reversed
from lending.proof.postgres_verify import PostgresStoredPlans
from lending.proof.rebuild_standings import rebuild_standings
from lending.proof.verify_plans import verify_plans
from lending.servicing import record_events
from lending.servicing.close_of_business import close_of_business
from lending.servicing.memory_log import MemoryPlanLog
from lending.servicing.postgres_close import PostgresBusinessDates
from lending.terms.servicing_terms import EarlyPayment, LateFeeRule, LateFees, ServicingTerms
from tests.lending.plans import a_plan, pounds
from tests.lending.servicing.servicing import Desk, a_payment, an_event, day, opened
from tests.soak import examples

Connection = psycopg.Connection[Any]
PLANS = (a_plan("1200.00", months=12, rate=1990), a_plan("90.00"))
FEES = LateFees((LateFeeRule("late", pounds("7.00"), grace_days=3),))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["paid", "paid", "paid", "late news", "returned", "reversed", "again", "goodwill", "close"]),
        st.integers(0, 12),
        st.integers(1, 90),
    ),
    min_size=8,
    max_size=24,
)


@pytest.mark.slow
@settings(
    max_examples=examples(usual=25, soaked=200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=st.sampled_from(PLANS), early=st.sampled_from(EarlyPayment), steps=STEPS)
def test_recording_from_checkpoints_answers_and_books_as_recording_from_the_beginning(
    connection: Connection, plan: Any, early: EarlyPayment, steps: list[tuple[str, int, int]]
) -> None:
    """With late news, returns, reversals, and events that come twice."""
    terms = ServicingTerms(early_payment=early, late_fees=FEES)
    with connection.transaction(force_rollback=True), pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_events, "SPARE", 2)
        over, memory = Desk.over(connection), Desk.in_memory()
        kept, whole = Desk(over.plans, over.ledger, terms), Desk(memory.plans, memory.ledger, terms)
        for desk in (kept, whole):
            desk.plans.open_all([plan])
        for each in [opened(plan), *_events(plan, steps)]:
            patch.setattr(record_events, "SINCE", 4)
            answers = kept.record(each)
            patch.setattr(record_events, "SINCE", 1_000_000)
            assert answers == whole.record(each)

        assert kept.standing(plan) == whole.standing(plan)
        assert kept.balances() == whole.balances() == kept.folded(plan)
        assert not isinstance(over.plans, MemoryPlanLog)
        rebuilt = rebuild_standings(over.plans, terms=lambda _: terms, commit=lambda: None)
        assert rebuilt.differed == ()
        verified = verify_plans(PostgresStoredPlans(connection), terms=lambda _: terms)
        assert (verified.plans, verified.events, verified.faults) == (1, kept.standing(plan).version, ())


def test_an_event_in_time_is_folded_from_the_checkpoint(connection: Connection) -> None:
    desk = Desk.over(connection)
    plan = PLANS[0]
    _pay_daily(desk, plan, 30)

    history = desk.plans.lock_since_checkpoint([plan.plan_id])[plan.plan_id]
    assert history.checkpoint is not None
    assert record_events.SPARE <= len(history.events) <= record_events.SINCE
    assert history.version == 31
    assert len(desk.plans.histories([plan.plan_id])[plan.plan_id].events) == 31


def test_news_from_before_the_checkpoint_is_folded_from_the_beginning_and_makes_a_new_one(
    connection: Connection,
) -> None:
    desk = Desk.over(connection)
    plan = PLANS[0]
    _pay_daily(desk, plan, 30)

    at = datetime.combine(day(30), time(13), opened(plan).occurred_at.tzinfo)
    desk.take(an_event(plan, "goodwill", day(2), Goodwill(pounds("3.00")), recorded_at=at))
    assert desk.balances() == desk.folded(plan)
    for number in range(31, 45):
        desk.take(a_payment(plan, f"x-{number}", day(number), "1.00"))
    assert desk.balances() == desk.folded(plan)
    checkpoint = desk.plans.lock_since_checkpoint([plan.plan_id])[plan.plan_id].checkpoint
    assert checkpoint is not None
    assert checkpoint.count > 31


def test_close_of_business_goes_on_from_the_checkpoint(connection: Connection) -> None:
    desk = Desk.over(connection)
    plan = PLANS[0]
    _pay_daily(desk, plan, 30)

    close_of_business(
        day(50),
        plans=desk.plans,
        dates=PostgresBusinessDates(connection),
        ledger=desk.ledger,
        terms=lambda _: desk.terms,
        at=datetime.combine(day(51), time(1), opened(plan).occurred_at.tzinfo),
        commit=lambda: None,
    )

    assert desk.balances() == desk.folded(plan)
    assert desk.standing(plan).folded_through == day(50)


def test_a_checkpoint_of_other_rules_is_void(connection: Connection) -> None:
    desk = Desk.over(connection)
    plan = PLANS[0]
    _pay_daily(desk, plan, 30)
    connection.execute(
        "UPDATE lending.fold_checkpoints SET rules = 'older', state = replace(state, '\"map\"', '\"x\"')"
    )

    desk.take(a_payment(plan, "x-31", day(31), "1.00"))

    assert desk.balances() == desk.folded(plan)


def test_the_rebuild_of_a_wrong_standing_takes_its_checkpoint_away(connection: Connection) -> None:
    desk = Desk.over(connection)
    plan = PLANS[0]
    _pay_daily(desk, plan, 30)
    connection.execute("UPDATE lending.plan_standing SET principal_minor = principal_minor + 1")
    assert not isinstance(desk.plans, MemoryPlanLog)

    accepted = PostgresAcceptedDifferences(connection, Acceptance("local", "mended", opened(plan).occurred_at))
    rebuilt = rebuild_standings(desk.plans, terms=lambda _: desk.terms, commit=lambda: None, accepted=accepted)

    assert [each.field for each in rebuilt.differed] == ["principal"]
    assert desk.plans.lock_since_checkpoint([plan.plan_id])[plan.plan_id].checkpoint is None


def _pay_daily(desk: Desk, plan: Any, days: int) -> None:
    desk.open(plan)
    for number in range(1, days + 1):
        desk.take(a_payment(plan, f"x-{number}", day(number), "1.00"))


def _events(plan: Any, steps: Sequence[tuple[str, int, int]]) -> list[PlanEvent]:
    """The events of steps: each a few days later than the one before; late news counts from earlier."""
    events: list[PlanEvent] = []
    today = 0
    for place, (what, days, amount) in enumerate(steps):
        today += days % 4
        paid = [each for each in events if each.event_id.startswith("paid:")]
        one = paid[-1 - days % len(paid)] if paid else None
        if what == "late news":
            known = datetime.combine(day(today), time(15), opened(plan).occurred_at.tzinfo)
            when = max(0, today - days * 3)
            events.append(a_payment(plan, f"{place}", day(when), f"{amount}.00", recorded_at=known))
        elif what == "returned" and one is not None:
            events.append(an_event(plan, f"e-{place}", day(today), Returned(one.event_id, f"r-{place}")))
        elif what == "reversed" and one is not None:
            events.append(an_event(plan, f"e-{place}", day(today), Reversed(one.event_id)))
        elif what == "again" and one is not None:
            events.append(one)
        elif what == "goodwill":
            events.append(an_event(plan, f"e-{place}", day(today), Goodwill(pounds(f"0.{amount:02}"))))
        else:
            today += 20 if what == "close" else 0
            events.append(a_payment(plan, f"{place}", day(today), f"{amount}.00"))
    return events
